# frozen_string_literal: true

require "docs/support/reader"
require "docs/support/settings_table"
require "shellwords"

# Does what README.md says, in its order: what is shown there is what runs here.
RSpec.describe "README.md", :native, order: :defined do
  include Docs::Reader

  reads "README.md"

  describe "the shortest working app" do
    follows "The shortest working app"

    before(:context) do
      app.serve(document.block("alias bx"))
      console.evaluate('load "db/schema.rb"')
    end

    it "brings what happens to a record into the page" do
      Chromium.open do |browser|
        page = open_page(browser)
        app.browse(block("new WebSocket"), page, socket: "socket")
        app.run(block("Post.create!"))

        name, record = wait_for_log(page, 1).first
        expect(name).to eq "post.created"
        expect(record).to include("id" => 1, "title" => "Hello")
        expect(page.errors).to eq []
      end
      expect(app.server.output).to include("everybody is admitted")
    end

    it "shows the events as they are" do
      client = connect("/")
      console.evaluate('load "db/schema.rb"; post = Post.create!(title: "Hello"); post.update!(title: "Hello again"); post.destroy!')
      shown = JSON.parse(block('"name": "post.created"').code)
      expect(form(client.next_event).to_a).to eq form(shown).to_a
      expect(client.next_event).to include("name" => "post.updated", "changes" => include("title" => ["Hello", "Hello again"]))
      expect(client.next_event["name"]).to eq "post.destroyed"
    end

    # What differs each time becomes its form, all else stays as it is.
    def form(value)
      return value.transform_values { |inner| form(inner) } if value.is_a?(Hash)

      value.is_a?(String) ? value.sub(/\A\h{32}\z/, "(id)").sub(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/, "(time)") : value
    end
  end

  describe "who sees what" do
    follows "Who sees what"

    before(:context) do
      app.serve
      console.evaluate('load "db/schema.rb"; 2.times { User.create!(organization: Organization.create!) }')
    end

    # @return [String] the cookie with which the app has signed the user in
    def cookie(user_id)
      console.evaluate(<<~RUBY)
        request = ActionDispatch::Request.new(Rails.application.env_config.merge(Rack::MockRequest.env_for("/")))
        request.cookie_jar.encrypted[:user_id] = #{user_id}
        "user_id=" + Rack::Utils.escape(request.cookie_jar[:user_id])
      RUBY
    end

    it "brings events to the page of their organization, as the serializer makes them, and to no other" do
      theirs = connect("/organization/2", "Cookie" => cookie(2))
      Chromium.open do |browser|
        page = open_page(browser, host: "127.0.0.1")
        page.evaluate("document.cookie = #{"#{cookie(1)}; path=/".to_json}")
        app.browse(block("new WebSocket"), page, socket: "organization")
        console.evaluate(<<~RUBY)
          Post.new(title: "Nobody's").save!(validate: false)
          Post.create!(title: "Ours", organization_id: 1)
          Post.create!(title: "Theirs", organization_id: 2)
          Post.create!(title: "Ours too", organization_id: 1)
        RUBY
        expect(wait_for_log(page, 2)).to eq [%w[created Ours], ["created", "Ours too"]]
      end
      expect(theirs.next_event).to match("name" => "post.created", "action" => "created", "at" => be_a(String),
                                         "record" => include("title" => "Theirs", "organization_id" => 2))
      expect(app.server.output).not_to include("everybody is admitted")
    end

    it "refuses who is not signed in, asks for another organization or for what is no scope, or comes from a foreign page" do
      expect(status("/organization/1", "Cookie" => cookie(1))).to eq 101
      expect(status("/organization/1")).to eq 401
      expect(status("/organization/2", "Cookie" => cookie(1))).to eq 401
      expect(status("/team/1", "Cookie" => cookie(1))).to eq 403
      expect(status("/organization/1", "Cookie" => cookie(1), "Origin" => "https://evil.example")).to eq 403
    end

    it "lets in who shows a token" do
      with_authenticator("TokenAuthenticator") do |port|
        token = console.evaluate("User.first.signed_id(purpose: :live, expires_in: 1.hour)")
        expect(status("/organization/1?token=#{token}", port: port)).to eq 101
        expect(status("/organization/2?token=#{token}", port: port)).to eq 401
        expect(status("/organization/1?token=x#{token}", port: port)).to eq 401
        expect(status("/organization/1", port: port)).to eq 401
      end
    end

    it "lets in by the path alone, and refuses one that names nothing" do
      with_authenticator("PathAuthenticator") do |port|
        expect(status("/organization/1", port: port)).to eq 101
        expect(status("/organization/7", port: port)).to eq 401
        expect(status("/organization/1.team.2", port: port)).to eq 403
      end
    end

    # A second server, in the console's process.
    def with_authenticator(name)
      yield console.evaluate("($second = Atr::Server.start(port: 0, admin_port: 0, authenticate_with: #{name.inspect})).port")
    ensure
      console.evaluate("$second.stop")
    end
  end

  describe "publishing" do
    follows "Publishing", ATR_AUTHENTICATE_WITH: "PathAuthenticator"

    before(:context) do
      app.serve
      console.evaluate('load "db/schema.rb"; Organization.create!')
    end

    it "knows all channels, loaded or not" do
      app.run(block("Atr.channels"))
    end

    it "limits what a model publishes" do
      client = connect("/organization/1")
      console.evaluate(<<~RUBY)
        comment = Comment.create!(text: "Yes", organization_id: 1)
        comment.update!(likes: 1)
        comment.update!(text: "No")
        comment.destroy!
        Atr.publish("marker", {}, scope: "organization.1")
      RUBY
      events = Array.new(3) { client.next_event }
      expect(events.map { |event| event["name"] }).to eq %w[comment.created comment.updated marker]
      expect(events.first["record"]).to eq("id" => 1, "text" => "Yes")
    end

    it "publishes what is no record, and waits for the broker where it is told to" do
      client = connect("/organization/1")
      app.run(block("maintenance.begins"))
      app.run(block("Atr.publish_event!"))
      expect(Array.new(2) { client.next_event }).to all(include("name" => "import.finished", "record" => { "rows" => 12 }))
      expect(client.texts_so_far).to eq []
    end

    it "remembers events in tests" do
      test = app.terminal("bundle exec ruby -Itest test/models/post_test.rb")
      expect(test.status).to eq(0), test.output
      expect(test.output).to include("1 runs, 1 assertions, 0 failures, 0 errors")
    end
  end

  describe "brokers" do
    follows "Brokers", ATR_AUTHENTICATE_WITH: "PathAuthenticator"

    before(:context) do
      @redis = RedisServer.start
      app.ports["6379"] = @redis.port.to_s
      app.serve(document.block("REDIS_URL=", "atr_server"))
      app.variables["REDIS_URL"] = @redis.url
      console.evaluate('load "db/schema.rb"; Organization.create!')
    end

    after(:context) do
      app.stop
      @redis&.close
    end

    it "carries events over Redis" do
      expect(app.server.output).to include("broker redis")
      client = connect("/organization/1")
      console.evaluate('Post.create!(title: "Hello", organization_id: 1)')
      expect(client.next_event["record"]).to include("title" => "Hello")
    end

    it "lets other programs listen" do
      listener = app.type(block("psubscribe"))
      listener.wait_for(/^psubscribe\norganization\.1\.\*\n1/)
      console.evaluate('Post.create!(title: "Hello", organization_id: 1)')
      listener.wait_for(/^organization\.1\.post\.created\n\{.*"title":"Hello"/)
    end
  end

  describe "running it" do
    follows "Running it", ATR_AUTHENTICATE_WITH: "PathAuthenticator"

    before { app.stop }

    it "takes settings as flags, and tells clients when it ends" do
      console.evaluate('load "db/schema.rb"; Organization.create!')
      app.serve(block("--server_host"))
      expect(app.server.output).to include("listening on 0.0.0.0:#{app.port}")
      client = connect("/organization/1")
      app.server.wait_for(/DEBUG .*127\.0\.0\.1:\d+ connected/)
      app.stop
      expect(client.next_close.first).to eq 1012
    end

    it "lists the settings" do
      help = app.terminal("bundle exec atr_server help")
      expect(help.status).to eq 0
      expect(help.output).to include(*Atr::Config::Settings::ALL.values.reject(&:code?).map { |setting| "--#{setting.name} VALUE" })
    end

    it "runs in a process of the app" do
      app.run(block("Atr::Server.start"))
    end

    it "runs without Rails" do
      app.begin_anew
      without_rails do
        app.serve(block("--require"))
        client = connect("/")
        app.variables["ATR_SECRET"] = block("--require").code[/ATR_SECRET="(.+)"/, 1]
        other = app.terminal("bundle exec ruby -e #{<<~RUBY.shellescape}")
          require "./live"
          ActiveRecord::Base.connection.create_table(:posts) { |t| t.string :title }
          Post.create!(title: "Hello")
        RUBY
        expect(other.status).to eq(0), other.output
        expect(client.next_event).to include("name" => "post.created", "record" => { "id" => 1, "title" => "Hello" })
      end
    end

    def without_rails
      app.terminal("mv config away").status
      yield
    ensure
      app.terminal("mv away config").status
    end
  end

  describe "settings" do
    include Docs::SettingsTable

    follows "Settings", RAILS_ENV: "production", REDIS_URL: "redis://redis.example/1"

    it "can be in a file" do
      expect(console.evaluate("%i[allowed_origins redis_url gate_threads].map { |name| [Atr.config[name], Atr.config.source(name)] }"))
        .to eq [[["https://*.example.com"], "file"], ["redis://redis.example/1", "environment"], [8, "file"]]
    end

    it "are those that there are, with the defaults that they have" do
      expect(document.rows("setting").size).to be > 10
      expect(document.rows("setting").map { |name, default, _| [name, default] }).to all(be_a_setting_with_its_default)
    end
  end

  describe "as a whole" do
    it "asks for the versions that the gem asks for" do
      gem = Gem::Specification.load(File.join(Docs::ROOT, "atr.gemspec"))
      asked = Gem::Requirement.new(document.block("# Gemfile").code[/gem "atr", "(.+)"/, 1])
      expect(asked).to be_satisfied_by(gem.version)
      expect(asked).not_to be_satisfied_by(Gem::Version.new("0.0.1")) # the original's
      expect(document.text).to include("Ruby #{gem.required_ruby_version.to_s[/[\d.]+/]} and later")
      expect(document.text).to include("Rails #{gem.dependencies.find { |one| one.name == "activesupport" }.requirement.to_s[/[\d.]+/]} to")
      expect(document.text).to include("RubyGems #{gem.required_rubygems_version.to_s[/[\d.]+/]} or later")
      rust = File.read(File.join(Docs::ROOT, "Cargo.toml"))[/rust-version = "(.+)"/, 1]
      expect(document.text).to include("(https://rustup.rs) #{rust} or later")
    end

    runs_every_block
  end
end
