# frozen_string_literal: true

require "support/small_rails_app"

RSpec.describe "The models of a Rails app" do
  publishable = ->(name, parent = "ApplicationRecord") { "class #{name} < #{parent}\n  include Atr::Publishable\nend\n" }
  forbidden = "raise [__FILE__, 'was loaded'].join(' ')"

  models = {
    "app/models/post.rb" => publishable["Post"],
    "app/models/fake/blog/post.rb" => publishable["Fake::Blog::Post"],
    "app/models/special_post.rb" => "class SpecialPost < Post\nend\n",
    "app/models/plain.rb" => "class Plain < ApplicationRecord\nend\n",
    "app/models/concerns/loud.rb" => forbidden,
    "app/services/send_mail.rb" => forbidden,
    "engines/shop.rb" => <<~RUBY,
      module Shop
        class Engine < Rails::Engine
          config.root = File.expand_path("shop", __dir__)
        end
      end
    RUBY
    "engines/shop/app/models/shop/order.rb" => publishable["Shop::Order"],
    # Its models are loaded once and never reloaded, which is another autoloader's job.
    "engines/tax.rb" => <<~RUBY,
      module Tax
        class Engine < Rails::Engine
          config.root = File.expand_path("tax", __dir__)
          config.autoload_once_paths << config.root.join("app/models").to_s
        end
      end
    RUBY
    "engines/tax/app/models/tax/rate.rb" => publishable["Tax::Rate", "ActiveRecord::Base"],
    "app/models/api_key.rb" => publishable["APIKey"],
    "config/initializers/inflections.rb" => "ActiveSupport::Inflector.inflections { |inflect| inflect.acronym('API') }\n",
    "engines/shop/app/jobs/shop/pay.rb" => forbidden
  }

  channels = %w[api_key fake.blog.post post shop.order special_post tax.rate].flat_map do |name|
    %w[created updated destroyed].map { |action| "#{name}.#{action}" }
  end

  it "are all listed in fresh development, engines' too, and nothing else is loaded" do
    SmallRailsApp.open(models) do |app|
      output, errors, status = app.rails_runner("puts Atr.channels")
      expect(status).to be_success, errors
      expect(output.lines(chomp: true)).to match_array channels
      expect(errors).to eq ""
    end
  end

  if Gem::Specification.find_by_name("railties").version < Gem::Version.new("7")
    it "are listed with the classic autoloader too" do
      application = SmallRailsApp::FILES.fetch("config/application.rb")
      files = models.merge("config/application.rb" => application.sub("config.eager_load", "config.autoloader = :classic\n\\0"))
      SmallRailsApp.open(files) do |app|
        expect(app.runner("[Atr.channels, Rails.autoloaders.main]").value).to match [match_array(channels), nil]
      end
    end
  end

  it "are listed where all is loaded at boot" do
    SmallRailsApp.open(models.reject { |path, text| text == forbidden || path.start_with?("engines/shop/app/jobs") }) do |app|
      expect(app.runner("Atr.channels", environment: "production").value).to match_array channels
    end
  end

  it "are listed as they are after a reload" do
    SmallRailsApp.open("app/models/post.rb" => publishable["Post"], "app/models/comment.rb" => publishable["Comment"]) do |app|
      value = app.runner(<<~RUBY).value
        before = Atr.channels.grep(/created/)
        old = Post
        File.write(Rails.root.join("app/models/post.rb"), <<~MODEL)
          class Post < ApplicationRecord
            include Atr::Publishable
            publishable_actions :updated
          end
        MODEL
        File.write(Rails.root.join("app/models/page.rb"), "class Page < ApplicationRecord\n  include Atr::Publishable\nend\n")
        File.delete(Rails.root.join("app/models/comment.rb"))
        Rails.application.reloader.reload!
        [before, Atr.channels, Atr::Registry.models.include?(old)]
      RUBY
      expect(value).to eq [
        %w[comment.created post.created], %w[page.created page.updated page.destroyed post.updated], false
      ]
    end
  end

  it "show of their records what they say after a reload" do
    # A reload would end a database in memory.
    database = "development:\n  adapter: sqlite3\n  database: posts.sqlite3\n"
    SmallRailsApp.open("app/models/post.rb" => publishable["Post"], "config/database.yml" => database) do |app|
      value = app.runner(<<~RUBY).value
        ActiveRecord::Base.connection.create_table(:posts) { |t| %i[title body].each { |name| t.string name } }
        Atr.config.broker = "test"
        [
          "self.filter_attributes += [:title]", "publishable_attributes :title", "def body = 'mine'", "publishable_attributes :body, :title"
        ].each do |line|
          Post.create!(title: "a", body: "b")
          File.write(Rails.root.join("app/models/post.rb"), <<~MODEL)
            class Post < ApplicationRecord
              include Atr::Publishable
              \#{line}
            end
          MODEL
          Rails.application.reloader.reload!
        end
        Post.create!(title: "a", body: "b")
        Atr::TestBroker.messages.map { |message| message.event["record"].except("id") }
      RUBY
      expect(value).to eq [
        { "title" => "a", "body" => "b" }, { "body" => "b" }, { "title" => "a" }, { "title" => "a", "body" => "mine" },
        { "body" => "b", "title" => "a" }
      ]
    end
  end

  it "are not passed over when one of them is broken, and are asked for again" do
    SmallRailsApp.open("app/models/post.rb" => "class Post < ApplicationRecord\n  include Missing::Thing\nend\n") do |app|
      expect(app.runner("2.times.map { begin; Atr.channels; rescue NameError => e; e.message; end }").value)
        .to all include("Missing")
    end
  end

  it "hide what the app's filter_parameters say, and the development log says so once" do
    files = {
      "config/initializers/filter_parameter_logging.rb" => "Rails.application.config.filter_parameters += [:passw, :email]\n",
      "app/models/user.rb" => publishable["User"]
    }
    SmallRailsApp.open(files) do |app|
      value = app.runner(<<~RUBY).value
        ActiveRecord::Base.connection.create_table(:users) { |t| %i[name email password_digest].each { |name| t.string name }; t.json :settings }
        Atr.config.broker = "test"
        2.times { User.create!(name: "a", email: "e", password_digest: "p", settings: { "email_code" => 1, "theme" => "dark" }) }
        Atr::TestBroker.messages.first.event["record"]
      RUBY
      expect(value).to eq("id" => 1, "name" => "a", "settings" => { "theme" => "dark" })
      expect(app.log.scan("events of User leave out email, password_digest").size).to eq 1
    end
  end
end
