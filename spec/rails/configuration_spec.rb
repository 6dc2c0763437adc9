# frozen_string_literal: true

require "support/small_rails_app"

RSpec.describe "The configuration of a Rails app" do
  app_classes = {
    "app/atr/websocket_authenticator.rb" => "class WebsocketAuthenticator < ::Atr::RequestAuthenticator\nend\n",
    "app/atr/websocket_scope.rb" => "class WebsocketScope < ::Atr::RequestScope\nend\n",
    "app/serializers/websocket_event_serializer.rb" => "class WebsocketEventSerializer\nend\n",
    # As for the original gem.
    "config/initializers/atr.rb" => <<~RUBY
      ::Atr.configure do |config|
        config.authenticate_with = ::WebsocketAuthenticator
        config.scope_with = ::WebsocketScope
        config.event_serializer = ::WebsocketEventSerializer
      end
    RUBY
  }

  it "may name classes of the app in an initializer, which is run when they can be named" do
    files = app_classes.merge(
      "config/initializers/before_atr.rb" => <<~RUBY
        ActiveSupport.on_load(:atr) { ($loaded ||= []) << config.authenticate_with.name }
        Rails.application.config.to_prepare { $in_prepare = Atr.config.scope_class.name }
      RUBY
    )
    SmallRailsApp.open(files) do |app|
      result = app.runner(<<~RUBY)
        [Atr.config.authenticator_class, Atr.config.scope_class, Atr.config.serializer_class].map(&:name) + [$loaded, $in_prepare]
      RUBY
      expect(result.value).to eq ["WebsocketAuthenticator", "WebsocketScope", "WebsocketEventSerializer", ["WebsocketAuthenticator"],
                                  "WebsocketScope"]
      expect(result.errors).to eq ""
    end
  end

  it "is not known yet to a server that an initializer starts, which is refused" do
    files = app_classes.merge(
      "config/initializers/zz_server.rb" => <<~RUBY
        begin
          Atr::Server.start(port: 0)
        rescue Atr::ServerError => e
          $refused = e.message
        end
      RUBY
    )
    SmallRailsApp.open(files) do |app|
      expect(app.runner("$refused").value).to match(/still booting.*config\.after_initialize/)
      expect(app.runner("Atr.config.authenticator_class.name").value).to eq "WebsocketAuthenticator"
    end
  end

  it "decides anew where events go when something was published before" do
    files = app_classes.merge(
      "config/initializers/zz_early.rb" => "$early = Atr.publisher\n"
    )
    SmallRailsApp.open(files) do |app|
      expect(app.runner("Atr.publisher.equal?($early)").value).to be false
    end
  end

  it "is run again after a reload, and has the new classes also when it is frozen" do
    SmallRailsApp.open(app_classes) do |app|
      value = app.runner(<<~RUBY).value
        seen = []
        ActiveSupport.on_load(:atr) { seen << 1 }
        hooks = seen.size
        old = Atr.config.authenticator_class
        Rails.application.reloader.reload!
        again = Atr.config.authenticate_with
        Atr.config.freeze
        Rails.application.reloader.reload!
        new = WebsocketAuthenticator
        [old.equal?(again), again.equal?(new), Atr.config.authenticator_class.equal?(new), seen.size - hooks]
      RUBY
      expect(value).to eq [false, false, true, 0]
    end
  end

  it "is applied at once when the app has booted, or prepares its code" do
    files = { "config/initializers/atr.rb" => "Rails.application.config.to_prepare { Atr.configure { |c| c.server_port = 1 } }\n" }
    SmallRailsApp.open(files) do |app|
      expect(app.runner("before = Atr.config.server_port; Atr.configure { |c| c.server_port = 2 }; [before, Atr.config.server_port]").value)
        .to eq [1, 2]
    end
  end

  it "reads config/atr.yml, which initializers and the environment come before" do
    files = {
      "config/atr.yml" => <<~YAML,
        shared:
          server_port: 1
          admin_port: <%= 1 + 1 %>
          gate_threads: 3
        development:
          authenticate_with: WebsocketAuthenticator
          server_host: 0.0.0.0
      YAML
      "config/initializers/atr.rb" => <<~RUBY,
        $in_initializer = Atr.config.admin_port
        Atr.configure { |config| config.admin_port = 4 }
      RUBY
      "app/atr/websocket_authenticator.rb" => app_classes.fetch("app/atr/websocket_authenticator.rb")
    }
    SmallRailsApp.open(files) do |app|
      script = "c = Atr.config; [$in_initializer, c.server_port, c.admin_port, c.gate_threads, c.server_host, " \
               "c.authenticator_class.name, c.source(:server_port)]"
      expect(app.runner(script, ATR_GATE_THREADS: "5").value).to eq [2, 1, 4, 5, "0.0.0.0", "WebsocketAuthenticator", "file"]
    end
  end

  it "says at boot what is wrong with it" do
    {
      { "config/atr.yml" => "development:\n  sever_port: 1\n" } => /atr\.yml: .*no setting sever_port .*server_port\?/,
      { "config/atr.yml" => "development:\n  server_port: http\n" } => /server_port is "http" \(.*atr\.yml\), but/,
      { "config/initializers/atr.rb" => "Atr.configure { |c| c.sever_port = 1 }" } => /no setting sever_port/
    }.each do |files, message|
      SmallRailsApp.open(files) do |app|
        result = app.runner("1")
        expect(result.status).not_to be_success
        expect(result.errors).to match message
      end
    end
  end

  it "has the test broker in tests, and a token of the app's secret" do
    SmallRailsApp.open do |app|
      script = "[Atr.config.broker, Atr.config.admin_token, Atr.logger.equal?(Rails.logger), Atr.production?, Atr.environment]"
      values = app.runner(script, environment: "test", REDIS_URL: "redis://db.internal").value
      expect(values).to eq ["test", OpenSSL::HMAC.hexdigest("SHA256", "0" * 64, "atr admin token"), true, false, "test"]
      expect(app.runner("Atr.config.broker").value).to eq "memory"
      expect(app.runner("[Atr.config.broker, Atr.production?]", environment: "production", REDIS_URL: "redis://db.internal").value)
        .to eq ["redis", true]
    end
  end

  it "starts nothing at boot, with no Redis and no library at hand" do
    SmallRailsApp.open("config/atr.yml" => "shared:\n  broker: redis\n  redis_url: redis://127.0.0.1:1\n") do |app|
      expect(app.runner("[Thread.list.filter_map(&:name).grep(/atr/), Atr.autoload?(:Native).nil?]").value).to eq [[], false]
    end
  end

  it "has the app's code run with reloading where the app reloads" do
    SmallRailsApp.open do |app|
      script = <<~RUBY
        seen = []
        %w[reloader executor].each do |name|
          Rails.application.public_send(name).define_singleton_method(:wrap) do |**options, &block|
            seen << name
            super(**options, &block)
          end
        end
        Atr.executor.wrap { seen << "code" }
        seen
      RUBY
      expect(app.runner(script).value).to eq %w[reloader executor code]
      expect(app.runner(script, environment: "production").value).to eq %w[executor code]
    end
  end
end
