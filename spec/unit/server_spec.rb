# frozen_string_literal: true

require "support/fake_native_server"
require "support/raw_request"

RSpec.describe Atr::Server do
  include RawRequest

  let(:log) { StringIO.new }
  let(:native) { FakeNativeServer.new }
  let(:servers) { [] }
  let(:config) { Atr::Config.new(environment: {}) }

  after do
    servers.each { |server| server.stop(timeout: 0) }
    Atr.reset!
  end

  def start(native = self.native, logger: Logger.new(log), **settings)
    settings = { broker: "memory", secret: "s" }.merge(settings)
    described_class.new(config.with(**settings), logger:, native:).tap { |server| servers << server }
  end

  let(:authenticator) { Class.new(Atr::RequestAuthenticator) }
  let(:scope) do
    Class.new(Atr::RequestScope) do
      def routing_key; end
    end
  end

  def threads
    Thread.list.select { |thread| thread.name&.start_with?("atr.") && thread.alive? }
  end

  it "gives the native server every option it knows" do
    start(server_port: 0, allowed_origins: ["*"], log_for: { "organization.*" => { size: 1000 } })
    expect(native.options).to match(
      host: "127.0.0.1", port: 0, admin_host: "127.0.0.1", admin_port: 7778, admin_token: match(/\A\h{64}\z/), broker: "memory",
      redis_url: nil, redis_namespace: "atr", gate_required: false, gate_queue_size: 1024, gate_deadline_seconds: 5.0, shards: 0,
      max_connections: 100_000, max_message_bytes: 65_536, max_head_bytes: 16_384, head_timeout_seconds: 10.0,
      outbox_bytes: 1_048_576, max_event_bytes: 1_048_576, ping_interval_seconds: 25.0, subscription_grace_seconds: 5.0,
      log_size: 100, log_ttl_seconds: 300.0, log_for: [["organization.*", 1000, 300.0]], log_bytes: 67_108_864, drain_seconds: 5.0,
      debug_log: true
    )
  end

  it "asks for no debug lines that nobody would see" do
    start(logger: Logger.new(log, level: :info))
    expect(native.options).to include(debug_log: false)
  end

  it "needs the gate when the app has something to say" do
    start(authenticate_with: authenticator)
    expect(native.options).to include(gate_required: true)
    start(other = FakeNativeServer.new, scope_with: scope)
    expect(other.options).to include(gate_required: true)
  end

  it "refuses a class that cannot answer, at the start and not before the first client" do
    expect { start(authenticate_with: Object) }.to raise_error(Atr::ConfigurationError, /authenticate_with is Object.*no method matches\?/)
    expect { start(scope_with: Atr::RequestAuthenticator) }.to raise_error(Atr::ConfigurationError, /scope_with.*no method routing_key/)
  end

  it "needs no secret with Redis" do
    start(broker: "redis", redis_url: "redis://127.0.0.1:1/0", secret: nil)
    expect(native.options).to include(admin_token: nil)
  end

  it "says which line to add when the memory broker has no secret" do
    expect { start(secret: nil) }.to raise_error(Atr::ConfigurationError, /config\.secret = /)
  end

  it "refuses the broker of tests, which sends nothing" do
    expect { start(broker: "test") }.to raise_error(Atr::ConfigurationError, /broker is test.*--broker=memory/)
  end

  it "answers jobs by the app's classes" do
    start(authenticate_with: Class.new(Atr::RequestAuthenticator) { def matches? = params[:ok] })
    jobs = ["/", "/?ok=1"].map { |target| RawRequest::Job.new(raw_request(target)) }
    jobs.each { |job| native.jobs << job }
    eventually { jobs.all?(&:answer) }
    expect(jobs.map(&:answer)).to eq [[:refuse, 401], [:admit, [""], nil]]
  end

  it "runs gate_threads threads and one for the log, and leaves none" do
    server = start(gate_threads: 3)
    eventually { expect(threads.map(&:name)).to match_array %w[atr.gate.0 atr.gate.1 atr.gate.2 atr.log] }
    server.stop
    expect(threads).to eq []
  end

  it "writes the native log" do
    start
    native.log << [:warn, "Redis is away"]
    eventually { expect(log.string).to match(/WARN.*Redis is away/) }
  end

  it "has the port, the host, the admin port and the counts" do
    server = start
    expect([server.host, server.port, server.admin_port, server.stats]).to eq ["127.0.0.1", 41_000, 41_001, { connections: 3 }]
  end

  it "says where it listens, in one info line, without secrets" do
    start(broker: "redis", redis_url: "redis://user:password@127.0.0.1:1/0")
    lines = log.string.lines.grep(/listening/)
    expect(lines).to match [/INFO.*atr: listening on 127\.0\.0\.1:41000, admin on 127\.0\.0\.1:41001, broker redis/]
    expect(log.string).not_to include("password")
  end

  describe "#stop" do
    it "stops the native server, never on the calling thread" do
      server = start
      expect(server.stop(timeout: 3)).to be true
      expect(native.stops.map(&:first)).to eq [3]
      expect(native.stops.map(&:last)).not_to include(Thread.current)
      expect(server.running?).to be false
      expect(log.string.lines.grep(/INFO.*atr: stopped$/).size).to eq 1
    end

    it "does so once, whoever asks and however often" do
      server = start
      expect(Array.new(3) { Thread.new { server.stop } }.map(&:value)).to eq [true] * 3
      expect(server.stop).to be true
      expect(native.stops.size).to eq 1
    end

    it "takes the configured time when nobody says" do
      start(shutdown_timeout_seconds: 4).stop
      expect(native.stops.map(&:first)).to eq [4]
    end

    it "ends what the app's code does not, and says that it had to" do
      inside = Queue.new
      hanging = Class.new(Atr::RequestAuthenticator) { define_method(:matches?) { inside << true and Queue.new.pop } }
      server = start(authenticate_with: hanging)
      native.jobs << RawRequest::Job.new(raw_request)
      inside.pop
      stub_const("Atr::Server::GRACE_SECONDS", 0.05)
      expect(server.stop(timeout: 0.05)).to be false
      expect(threads).to eq []
      expect(log.string).to include("cut off")
    end
  end

  describe "#wait" do
    it "returns when the server has stopped" do
      server = start
      waiting = Thread.new { server.wait }
      eventually { waiting.status == "sleep" }
      server.stop
      expect(waiting.value).to be true
    end

    it "gives up after the time it is told" do
      expect(start.wait(0.01)).to be false
    end

    it "raises when the server fails, after all has been ended" do
      server = start
      native.end_with("a shard panicked")
      expect { server.wait }.to raise_error(Atr::ServerError, /a shard panicked/)
      eventually { expect(threads).to eq [] }
      expect(log.string).to match(/ERROR.*the server failed: a shard panicked/)
      expect(server.running?).to be false
    end
  end

  describe "in memory mode" do
    it "has the process's own publisher send to where it listens, until it stops" do
      server = start
      expect(Atr::Publisher.admin_url).to eq "http://127.0.0.1:41001"
      server.stop
      expect(Atr::Publisher.admin_url).to be_nil
    end

    it "leaves the publisher alone when somebody has said where to send" do
      start(admin_url: "http://10.0.0.1:7778")
      expect(Atr::Publisher.admin_url).to be_nil
    end

    it "leaves the publisher to a second server that has started since" do
      first = start
      second = FakeNativeServer.new.tap { |native| def native.admin_port = 41_002 }
      start(second)
      first.stop
      expect(Atr::Publisher.admin_url).to eq "http://127.0.0.1:41002"
    end
  end

  it "leaves the publisher alone with Redis" do
    start(broker: "redis", redis_url: "redis://127.0.0.1:1/0")
    expect(Atr::Publisher.admin_url).to be_nil
  end

  describe "what it says at the start" do
    it "is that everybody is admitted: as a warning in production" do
      start
      expect(log.string).to match(/INFO.*everybody is admitted/)
      allow(Atr).to receive(:production?).and_return(true)
      start(FakeNativeServer.new)
      expect(log.string).to match(/WARN.*everybody is admitted/)
    end

    it "is nothing of the kind when somebody authenticates" do
      start(authenticate_with: authenticator)
      expect(log.string).not_to include("admitted")
    end

    it "is a warning when there are more gate threads than database connections" do
      allow(Atr::DatabaseConnections).to receive(:pool_size).and_return(3)
      start(authenticate_with: authenticator, gate_threads: 3)
      expect(log.string).not_to include("pool")
      start(FakeNativeServer.new, authenticate_with: authenticator, gate_threads: 4)
      expect(log.string).to match(/WARN.*gate_threads is 4, but the database pool allows 3/)
    end
  end

  it "belongs to the process that started it" do
    server = start
    reader, writer = IO.pipe
    child = fork do
      errors = %i[port admin_port stats running? stop wait].map do |name|
        server.public_send(name)
        nil
      rescue Atr::ForkError => e
        e.message
      end
      writer.write(Marshal.dump(errors))
      exit!(0)
    end
    writer.close
    errors = Marshal.load(reader.read) # rubocop:disable Security/MarshalLoad -- our own child wrote it
    Process.wait(child)
    expect(errors).to all(include("process #{Process.pid}"))
    expect(server.running?).to be true
  end

  describe ".start" do
    before { stub_const("Atr::Native::Server", native) }

    it "takes settings by name, host and port by their short ones, and leaves those of others alone" do
      Atr.configure { |config| config.secret = "s" }
      server = described_class.start(host: "::1", port: 0, broker: "memory", gate_threads: 1, logger: Logger.new(log))
      servers << server
      expect(native.options).to include(host: "::1", port: 0)
      expect(log.string).to include("atr: listening on [::1]:41000")
      expect(server.inspect).to include("[::1]:41000")
      expect(Atr.config.server_host).to eq "127.0.0.1"
    end

    it "refuses what is no setting" do
      expect { described_class.start(server_prot: 1) }.to raise_error(Atr::ConfigurationError, /server_prot \(did you mean server_port/)
    end

    it "freezes the settings, which nobody would read any more" do
      Atr.configure { |config| config.secret = "s" }
      servers << described_class.start(broker: "memory", logger: Logger.new(log))
      expect { Atr.configure { |config| config.gate_threads = 1 } }.to raise_error(Atr::ConfigurationError, /a server has started/)
    end

    it "leaves the settings open when it could not start" do
      stub_const("Atr::Native::Server", FakeNativeServer.new(fails_with: Atr::ServerError.new("127.0.0.1:7777 is in use")))
      Atr.configure { |config| config.secret = "s" }
      expect { described_class.start(broker: "memory") }.to raise_error(Atr::ServerError, /in use/)
      expect(Atr.config).not_to be_frozen
    end
  end
end
