# frozen_string_literal: true

require "support/models"
require "timeout"

RSpec.describe Atr::Publisher do
  # Takes the place of the native publisher: a queue of a size, lines for the log, and whatever the broker answers.
  let(:native_class) do
    Class.new do
      attr_reader :options, :pushed, :closed
      attr_accessor :room, :answer, :unknown

      def initialize(options)
        @options = options
        @pushed = []
        @room = 1_000
        @lines = Queue.new
      end

      def push(events)
        events.first(room).tap { |taken| @pushed.concat(taken) && self.room -= taken.size }.size
      end

      def publish(event, timeout_seconds)
        raise answer if answer

        @pushed << [event, timeout_seconds, Thread.current == Thread.main]
        "8f3a52c1d09e4b76:17"
      end

      def positions(scopes, timeout_seconds)
        raise unknown if unknown

        @pushed << [:positions, scopes, timeout_seconds, Thread.current == Thread.main]
        scopes.map { |scope| "8f3a52c1d09e4b76:1" unless scope == "quiet" }
      end

      def flush(timeout_seconds) = (@pushed << [:flush, timeout_seconds, Thread.current == Thread.main]) && true
      def stats = { pushed: @pushed.size, published: 0, dropped_full: 0, lost: 0, queued: 0 }
      def say(level, line) = @lines << [level, line]
      def next_log = @lines.pop

      def close
        @closed = true
        @lines << nil
      end
    end
  end

  subject(:publisher) { described_class.new(config, native: ->(options) { natives.push(native_class.new(options)).last }) }

  let(:natives) { [] }
  let(:native) { natives.last }
  let(:log) { StringIO.new }
  let(:told) { [] }
  let(:config) do
    Atr::Config.new(environment: {}).tap do |config|
      config.broker = "memory"
      config.secret = "a secret of the app"
      config.on_publish_error = ->(error, subject) { told << [error, subject] }
    end
  end

  before do
    Atr.reset!
    Atr.config.logger = Logger.new(log)
    described_class.admin_url = nil
  end

  after do
    publisher.close
    described_class.admin_url = nil
    Atr.reset!
  end

  def event(routing_key = "organization.1.import.finished", name = "import.finished", payload = { "rows" => 12 })
    Atr::Event.new(routing_key, name, payload)
  end

  it "starts nothing before the first event" do
    publisher.flush
    expect(publisher.stats).to eq(pushed: 0, published: 0, unheard: 0, lost: 0, dropped_full: 0, queued: 0, failed: 0)
    expect(natives).to eq []
  end

  it "pushes id, scope, name, routing key and JSON" do
    expect(publisher.publish(sent = event)).to be true
    expect(native.pushed).to eq [[sent.id, "organization.1", "import.finished", "organization.1.import.finished", sent.to_json]]
  end

  it "gives the native publisher every option" do
    publisher.publish(event)
    expect(native.options).to eq(
      broker: "memory", redis_url: nil, redis_namespace: "atr", publish_on_routing_key: true, admin_url: "http://127.0.0.1:7778",
      admin_token: config.admin_token, queue_size: 10_000, queue_bytes: 67_108_864, max_event_bytes: 1_048_576,
      log_size: 100, log_ttl_seconds: 300.0, log_for: []
    )
  end

  it "needs no secret with Redis" do
    config.secret = nil
    config.broker = "redis"
    publisher.publish(event)
    expect(native.options).to include(broker: "redis", redis_url: "redis://127.0.0.1:6379/0", admin_token: nil)
  end

  it "sends to this process's own server when there is one" do
    described_class.admin_url = "http://127.0.0.1:40001"
    publisher.publish(event)
    expect(native.options).to include(admin_url: "http://127.0.0.1:40001")
  end

  it "makes a new publisher for the process when its server is found" do
    before = Atr.publisher
    described_class.admin_url = "http://127.0.0.1:40001"
    expect(Atr.publisher).not_to be before
  end

  it "takes the app's serializer" do
    stub_const("Shown", Class.new { def initialize(event) = @event = event })
    Shown.define_method(:to_json) { |*| %({"shown":"#{@event.name}"}) }
    config.event_serializer = "Shown"
    publisher.publish(event)
    expect(native.pushed.last.last).to eq '{"shown":"import.finished"}'
  end

  it "publishes nothing that nobody may see" do
    expect(publisher.publish(event(nil))).to be false
    expect(natives).to eq []
    expect(told).to eq []
  end

  it "stops nobody when the queue is full" do
    publisher.publish(event)
    native.room = 0
    expect(publisher.publish(event)).to be false
    expect(told).to eq []
  end

  describe "an event that cannot be published" do
    it "is logged, counted and told" do
      expect(publisher.publish(bad = event("organization.a b.import.finished"))).to be false
      expect(log.string).to match(/ERROR.*import\.finished was not published: the scope "organization.a b"/)
      expect(publisher.stats).to include(failed: 1)
      expect(told).to match [[be_a(Atr::PublishError), bad]]
    end

    it "is so too when it is the configuration that is bad" do
      config.secret = nil
      expect(publisher.publish(event)).to be false
      expect(log.string).to match(/was not published: .*config\.secret = /)
      expect(told.first.first).to be_a Atr::ConfigurationError
    end

    it "is so too when the settings do not fit together" do
      config.outbox_bytes = 1000
      expect(publisher.publish(event)).to be false
      expect(natives).to eq []
    end

    it "is told to a hook that only wants the error" do
      config.on_publish_error = ->(error) { told << error }
      publisher.publish(event("a b"))
      expect(told).to match [be_a(Atr::PublishError)]
    end

    it "is not shown in the log" do
      publisher.publish(event("a.b", "b", { "token" => "geheim\xFF" }))
      expect(log.string).to include "not published"
      expect(log.string).not_to include "geheim"
    end

    it "does not bring anything down when the log fails" do
      allow(Atr.config.logger).to receive(:error).and_raise(IOError, "disk full")
      expect { publisher.publish(event("a b")) }.to output(/not published.*IOError/).to_stderr
    end
  end

  describe "#publish!" do
    it "waits for the broker, not longer than it was told, and not on the main thread" do
      sent = event
      expect(publisher.publish!(sent, timeout_seconds: 3)).to eq "8f3a52c1d09e4b76:17"
      expect(native.pushed).to eq [[[sent.id, "organization.1", "import.finished", sent.routing_key, sent.to_json], 3.0, false]]
    end

    it "raises what the broker answers" do
      publisher.publish(event)
      native.answer = Atr::PublishError.new("Redis says no")
      expect { publisher.publish!(event) }.to raise_error(Atr::PublishError, "Redis says no")
      expect(told).to eq []
    end

    it "raises what cannot be published, as one kind of error" do
      expect { publisher.publish!(event("a b")) }.to raise_error(Atr::PublishError, /scope/)
      expect { publisher.publish!(event(nil)) }.to raise_error(Atr::PublishError, /no value for its publication scope/)
      expect { publisher.publish!(event("b", "b", { "a" => "\xFF" })) }.to raise_error(Atr::PublishError, /UTF-8/) do |error|
        expect(error.cause).to be_a JSON::GeneratorError
      end
    end

    it "raises the configuration's error" do
      config.secret = nil
      expect { publisher.publish!(event) }.to raise_error(Atr::ConfigurationError)
    end
  end

  describe "#positions" do
    it "asks the broker, not for long, and not on the main thread" do
      expect(publisher.positions(%w[a quiet])).to eq("a" => "8f3a52c1d09e4b76:1", "quiet" => nil)
      expect(native.pushed).to eq [[:positions, %w[a quiet], 1.0, false]]
    end

    it "is nothing, with one warning, while nobody can tell" do
      publisher.positions(["a"])
      native.unknown = Atr::PublishError.new("the positions are not known: Redis says no")
      2.times { expect(publisher.positions(%w[a b])).to eq("a" => nil, "b" => nil) }
      expect(log.string.lines.grep(/WARN.*atr: the positions are not known: Redis says no; pages have none/).size).to eq 1
      native.unknown = nil
      publisher.positions(["a"])
      native.unknown = Atr::PublishError.new("away again")
      publisher.positions(["a"])
      expect(log.string.lines.grep(/WARN/).size).to eq 2
      expect([told, publisher.stats[:failed]]).to eq [[], 0]
    end

    it "is nothing where the publisher cannot be made" do
      config.secret = nil
      expect(publisher.positions(["a"])).to eq("a" => nil)
      expect(log.string).to match(/WARN.*needs a secret/)
    end
  end

  describe "#flush" do
    it "waits as long as the setting says, or it is told, and not on the main thread" do
      publisher.publish(event)
      expect(publisher.flush).to be true
      publisher.flush(7)
      Thread.new { publisher.flush(8) }.join
      expect(native.pushed.last(3)).to eq [[:flush, 2.0, false], [:flush, 7.0, false], [:flush, 8.0, false]]
    end
  end

  it "writes what native code says to the log" do
    publisher.publish(event)
    native.say(:info, "no server listens")
    eventually { expect(log.string).to match(/INFO.*atr: no server listens/) }
  end

  it "ends with its thread" do
    publisher.publish(event)
    publisher.close
    expect(native.closed).to be true
    eventually { expect(Thread.list.map(&:name)).not_to include("atr.log") }
  end

  it "is the same for all threads that publish first" do
    Array.new(4) { Thread.new { publisher.publish(event) } }.each(&:join)
    expect(natives.size).to eq 1
    expect(native.pushed.size).to eq 4
  end

  describe "in a forked child" do
    # What the block gives, in the child.
    def forked(&block)
      reader, writer = IO.pipe
      pid = fork do
        reader.close
        writer.write(Marshal.dump(Timeout.timeout(10, &block)))
        writer.close
        exit!(0)
      end
      writer.close
      Marshal.load(reader.read) # rubocop:disable Security/MarshalLoad -- of our own child
    ensure
      Process.wait(pid)
    end

    it "reads its own log, and does not count what its parent has lost" do
      publisher.publish(event("a b"))
      publisher.publish(event)
      threads, failed = forked do
        publisher.publish(event)
        [Thread.list.map(&:name).compact, publisher.stats[:failed]]
      end
      expect(threads).to include "atr.log"
      expect(failed).to eq 0
    end
  end
end
