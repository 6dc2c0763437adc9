# frozen_string_literal: true

require "tempfile"

RSpec.describe Atr::Config do
  subject(:config) { described_class.new(environment:) }

  let(:environment) { {} }

  after { Atr.reset! }

  describe "defaults" do
    it "has the documented ones" do
      expect(config).to have_attributes(
        server_host: "127.0.0.1", server_port: 7777, admin_host: "127.0.0.1", admin_port: 7778, redis_namespace: "atr",
        publish_on_routing_key: true, gate_threads: 4, gate_queue_size: 1024, gate_deadline_seconds: 5.0, allowed_origins: [],
        trusted_proxies: [], path_prefix: nil, max_connections: 100_000, max_message_bytes: 65_536, max_head_bytes: 16_384,
        head_timeout_seconds: 10.0, outbox_bytes: 1_048_576, max_event_bytes: 1_048_576, ping_interval_seconds: 25.0,
        log_size: 100, log_ttl_seconds: 300.0, log_for: {}, log_bytes: 67_108_864, drain_seconds: 5.0,
        subscription_grace_seconds: 5.0, shards: nil, shutdown_timeout_seconds: 10.0, publisher_queue_size: 10_000,
        publisher_queue_bytes: 67_108_864, flush_timeout_seconds: 2.0, secret: nil, redis_url: nil
      )
    end

    it "is valid without any setting" do
      expect { config.validate! }.not_to raise_error
    end

    it "has the admin URL follow host and port" do
      expect(config.admin_url).to eq "http://127.0.0.1:7778"
      config.admin_host = "::1"
      config.admin_port = 9000
      expect(config.admin_url).to eq "http://[::1]:9000"
      config.admin_host = "0.0.0.0"
      expect(config.admin_url).to eq "http://127.0.0.1:9000"
    end

    it "has no admin URL without an admin listener" do
      config.admin_host = nil
      expect(config.admin_url).to be_nil
      expect { config.validate! }.not_to raise_error
    end
  end

  describe "the broker" do
    before { allow(Atr).to receive(:environment).and_return("production") }

    it "is memory where nothing is configured" do
      expect(config.broker).to eq "memory"
    end

    it "is worked out where nil is given" do
      config.broker = nil
      expect(config.broker).to eq "memory"
      expect(config.with(admin_url: nil).admin_url).to eq "http://127.0.0.1:7778"
    end

    it "is redis where a Redis is configured" do
      environment["REDIS_URL"] = "redis://db.internal:6379/1"
      expect(config).to have_attributes(broker: "redis", redis_url: "redis://db.internal:6379/1")
    end

    it "is test in tests, also where a Redis is configured" do
      allow(Atr).to receive(:environment).and_return("test")
      environment["REDIS_URL"] = "redis://db.internal:6379/1"
      expect(config.broker).to eq "test"
    end

    it "takes the Redis of this host when it is only asked for by name" do
      config.broker = :redis
      expect(config.redis_url).to eq "redis://127.0.0.1:6379/0"
    end
  end

  describe "precedence" do
    let(:file) { Tempfile.new(["atr", ".yml"]).tap { |file| file.write("test:\n  server_port: 1\n") && file.flush } }

    it "is flag, environment, configure, file, default, and knows which it was" do
      config.load_file(file.path, environment: "test")
      expect([config.server_port, config.source(:server_port)]).to eq [1, :file]
      config.server_port = 2
      expect([config.server_port, config.source(:server_port)]).to eq [2, :configure]
      environment["ATR_SERVER_PORT"] = "3"
      expect([config.server_port, config.source(:server_port)]).to eq [3, :environment]
      config.override(:server_port, "4")
      expect([config.server_port, config.source(:server_port)]).to eq [4, :flag]
      expect(config.source(:server_host)).to eq :default
    end

    it "takes ATR_REDIS_URL before REDIS_URL, and an empty variable for none" do
      environment.merge!("REDIS_URL" => "redis://a", "ATR_REDIS_URL" => "redis://b")
      expect(config.redis_url).to eq "redis://b"
      environment["ATR_REDIS_URL"] = ""
      expect(config.redis_url).to eq "redis://a"
    end

    it "knows what was given" do
      expect(config.set?(:admin_url)).to be false
      config.admin_url = "http://server:7778"
      expect(config.set?(:admin_url)).to be true
      config.admin_url = nil
      expect(config.set?(:admin_url)).to be false
    end
  end

  describe "values" do
    {
      server_port: { "8080" => 8080, 0 => 0 },
      gate_deadline_seconds: { "2.5" => 2.5, 3 => 3.0 },
      flush_timeout_seconds: { 0 => 0.0 },
      publish_on_routing_key: { "no" => false, "TRUE" => true, false => false },
      log_level: { :debug => "debug", "warn" => "warn" },
      server_host: { "[::1]" => "::1" },
      allowed_origins: { "https://a.example, https://b.example" => %w[https://a.example https://b.example], /x/ => [/x/] },
      trusted_proxies: { "10.0.0.0/8" => ["10.0.0.0/8"] },
      authenticate_with: { "Fake::Door" => "Fake::Door" },
      admin_host: { nil => nil },
      log_size: { 0 => 0, "20_000" => 20_000 },
      log_for: { { "organization.*" => { "size" => "5", ttl: 60 } } => { "organization.*" => { size: 5, ttl: 60.0 } },
                 '{"user.1": {"size": 0}}' => { "user.1" => { size: 0 } } }
    }.each do |name, values|
      values.each do |given, used|
        it "#{name}: #{given.inspect} is #{used.inspect}" do
          config[name] = given
          expect(config.public_send(name)).to eq used
        end
      end
    end

    {
      server_port: ["http", 65_536, -1, 80.5], gate_deadline_seconds: [0, -1, "soon", Float::NAN], publish_on_routing_key: ["maybe", 1],
      log_level: ["loud"], broker: ["kafka"], server_host: ["", "a b", "http://a"], redis_url: ["localhost:6379", "http://a", "rediss://a"],
      admin_url: ["localhost", "https://localhost"], max_head_bytes: [8191], redis_namespace: ["", "a b", "a{"],
      allowed_origins: [["https://a", 3]], trusted_proxies: ["ten"],
      path_prefix: ["live"], authenticate_with: ["door", Object.new], on_publish_error: ["puts"], logger: [$stderr], shards: [0],
      gate_threads: [0, "many"], secret: [" "], max_event_bytes: [0],
      log_size: [-1, "all"], log_ttl_seconds: [0, "long"],
      log_for: ["organization.*", "[]", 5, { "a" => {} }, { "a" => 5 }, { "a" => { size: -1 } }, { "a" => { length: 5 } },
                *["a*", "*", ".*", "a.*.b", "", "a b", "-"].map { |scopes| { scopes => { size: 1 } } }]
    }.each do |name, values|
      values.each do |value|
        it "#{name}: refuses #{value.class} #{value.inspect[0, 20]}" do
          expect { config[name] = value }.to raise_error(Atr::ConfigurationError, /\A#{name} is .* but it must be /)
        end
      end
    end

    it "says the setting, the value, where it is from and what is expected" do
      environment["ATR_SERVER_PORT"] = "http"
      expect { config.validate! }.to raise_error(
        Atr::ConfigurationError, 'server_port is "http" (ATR_SERVER_PORT), but it must be an Integer from 0 to 65535'
      )
    end

    it "never shows a secret or a password" do
      environment.merge!("ATR_SECRET" => " ", "REDIS_URL" => "http://app:geheim@host")
      expect { config.secret }.to raise_error(Atr::ConfigurationError, /secret is \[hidden\]/)
      expect { config.redis_url }.to raise_error(Atr::ConfigurationError) { |error| expect(error.message).not_to include "geheim" }
      config.secret = "geheim geheim"
      expect(config.inspect).not_to include "geheim"
    end

    it "wants an event to fit into an outbox" do
      config.max_event_bytes = 2000
      config.outbox_bytes = 1000
      expect { config.validate! }.to raise_error(Atr::ConfigurationError, /max_event_bytes is 2000.*outbox_bytes \(1000\)/)
      config.outbox_bytes = 2000
      config.publisher_queue_bytes = 1000
      expect { config.validate! }.to raise_error(Atr::ConfigurationError, /max_event_bytes is 2000.*publisher_queue_bytes \(1000\)/)
    end

    it "wants a value where there must be one" do
      config.server_port = nil
      expect { config.validate! }.to raise_error(Atr::ConfigurationError, /server_port is nil/)
    end
  end

  describe "#log_for" do
    it "adds a kind of scope, and says what there is" do
      config.log_for("organization.*", size: 1000, ttl: 60)
      config.log_for("user.1", ttl: 5)
      expect(config.log_for).to eq("organization.*" => { size: 1000, ttl: 60.0 }, "user.1" => { ttl: 5.0 })
    end

    it "is what was said last of a kind, as when the block of an initializer is run again" do
      2.times { config.log_for("organization.*", size: 1000, ttl: 60) }
      config.log_for("organization.*", size: 0)
      expect(config.log_for).to eq("organization.*" => { size: 0 })
    end

    it "refuses what cannot be, and keeps what was there" do
      config.log_for("user.*", size: 1)
      expect { config.log_for("organization*", size: 1) }.to raise_error(Atr::ConfigurationError, /log_for is .*organization\*.*Hash like/)
      expect { config.log_for("organization.*") }.to raise_error(Atr::ConfigurationError)
      expect { config.log_for("organization.*", size: 1, tll: 1) }.to raise_error(ArgumentError)
      expect(config.log_for).to eq("user.*" => { size: 1 })
    end

    it "is native code's with the longest first, and what is not said from the settings for all" do
      config.log_size = 7
      config.log_for("organization.*", size: 1)
      config.log_for("organization.12.*", ttl: 2)
      config.log_for("user.1", size: 3, ttl: 4)
      expect(config.log_options).to eq(
        log_size: 7, log_ttl_seconds: 300.0, log_for: [["user.1", 3, 4.0], ["organization.12.*", 7, 2.0], ["organization.*", 1, 300.0]]
      )
    end

    it "cannot change any more when a server has started" do
      config.freeze
      expect { config.log_for("user.*", size: 1) }.to raise_error(Atr::ConfigurationError, /cannot change/)
    end
  end

  describe "unknown names" do
    it "are refused, with what may be meant" do
      [-> { config.sever_port = 1 }, -> { config[:sever_port] }, -> { config.override("sever_port", 1) }].each do |use|
        expect(&use).to raise_error(Atr::ConfigurationError, /no setting sever_port \(did you mean server_port\?\)/)
      end
    end

    it "are missing methods for readers" do
      expect { config.sever_port }.to raise_error(NoMethodError)
      expect(config).not_to respond_to(:sever_port=)
    end

    it "are only warned of in the environment, where they may be another program's" do
      log = StringIO.new
      allow(Atr).to receive(:logger).and_return(Logger.new(log))
      environment.merge!("ATR_SEVER_PORT" => "1", "ATR_SERVER_HOST" => "::")
      2.times { config.validate! }
      expect(log.string.scan("atr: the environment has ATR_SEVER_PORT (did you mean ATR_SERVER_PORT?)").size).to eq 1
      expect(log.string.lines.size).to eq 1
    end
  end

  describe "classes" do
    before { stub_const("Fake::Door", Class.new) }

    it "are found by name at each call" do
      config.authenticate_with = "Fake::Door"
      expect(config.authenticator_class).to be Fake::Door
      stub_const("Fake::Door", reloaded = Class.new)
      expect(config.authenticator_class).to be reloaded
    end

    it "are the reloaded ones where the class itself was given" do
      config.scope_with = Fake::Door
      stub_const("Fake::Door", reloaded = Class.new)
      expect(config.scope_class).to be reloaded
    end

    it "may have no name" do
      config.event_serializer = nameless = Class.new
      expect(config.serializer_class).to be nameless
    end

    it "must exist when they are used" do
      config.serialize_events_with = "Fake::Window"
      expect { config.serializer_class }.to raise_error(Atr::ConfigurationError, /event_serializer is Fake::Window.*no class/)
    end

    it "are nil when none is configured" do
      expect([config.authenticator_class, config.scope_class, config.serializer_class]).to all be_nil
      expect([config.authenticate?, config.scope?, config.event_serializer?, config.serialize_events_with?]).to all be false
    end

    it "answer whether one is configured, under either name" do
      config.serialize_events_with = "Fake::Door"
      expect(config).to have_attributes(event_serializer?: true, serialize_events_with?: true, event_serializer: "Fake::Door")
      expect(config[:serialize_events_with]).to eq "Fake::Door"
    end
  end

  describe "#admin_token" do
    it "is derived from the secret, and the same in every process" do
      config.secret = "secret"
      expect(config.admin_token).to eq OpenSSL::HMAC.hexdigest("SHA256", "secret", "atr admin token")
    end

    it "is derived from Rails' secret_key_base otherwise" do
      allow(Atr::RailsApp).to receive(:application).and_return(double(secret_key_base: "base"))
      expect(config.admin_token).to eq OpenSSL::HMAC.hexdigest("SHA256", "base", "atr admin token")
    end

    it "says which line to add when there is neither" do
      expect { config.admin_token }.to raise_error(Atr::ConfigurationError, /config\.secret = /)
    end

    it "takes what Rails raises without a secret for none" do
      application = double
      allow(application).to receive(:secret_key_base).and_raise(ArgumentError, "Missing `secret_key_base`")
      allow(Atr::RailsApp).to receive(:application).and_return(application)
      expect { config.admin_token }.to raise_error(Atr::ConfigurationError, /config\.secret = /)
    end
  end

  describe "#with" do
    it "gives a copy in which these values count, also over the environment" do
      environment["ATR_SERVER_PORT"] = "1"
      copy = config.with(server_port: 2, admin_host: nil)
      expect(copy).to have_attributes(server_port: 2, admin_host: nil)
      expect(config).to have_attributes(server_port: 1, admin_host: "127.0.0.1")
    end

    it "refuses what the settings refuse" do
      expect { config.with(sever_port: 1) }.to raise_error(Atr::ConfigurationError)
      expect { config.with(server_port: "a") }.to raise_error(Atr::ConfigurationError)
    end
  end

  describe "#freeze" do
    before { config.freeze }

    it "ends all changes" do
      expect { config.server_port = 1 }.to raise_error(Atr::ConfigurationError, /cannot change any more/)
      expect { config.override(:server_port, 1) }.to raise_error(Atr::ConfigurationError)
      expect { config.load_file("x.yml") }.to raise_error(Atr::ConfigurationError, /cannot change any more/)
    end

    it "leaves reading and copies" do
      expect(config.server_port).to eq 7777
      expect(config.with(server_port: 1).tap { |copy| copy.admin_port = 2 }).to have_attributes(server_port: 1, admin_port: 2)
    end
  end
end
