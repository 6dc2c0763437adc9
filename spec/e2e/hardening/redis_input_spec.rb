# frozen_string_literal: true

require "socket"
require "support/authentication"
require "support/embedded"
require "support/witness"

RSpec.describe "A Redis that is not as it should be, while a client is connected" do
  include Authentication
  include Embedded

  let(:redis) { RedisServer.start }
  # A connection that is there before anything happens.
  let!(:operator) { redis.client.tap(&:ping) }
  # Of a server with a Redis that is well.
  let!(:server) { start_with(redis.url) }
  let!(:witness) { witness_of(server) }

  after do
    expect(witness).to be_served
    operator.close
    redis.close
  end

  def start_with(url)
    start_server(scope_with: path_scope, redis_url: url) { |config| config.broker = "redis" }
  end

  def witness_of(server)
    client = connect(server, "/witness")
    redis.wait_for_subscriber("atr:{witness}")
    Witness.new(client) { |number| operator.publish("atr:{witness}", %({"record":{"number":#{number}}})) }
  end

  def warnings
    log.string.lines.grep(/WARN|ERROR/)
  end

  describe "a message on the channel" do
    {
      "no JSON" => "oh no", "nothing" => "", "half of some JSON" => '{"name":', "two of them" => "{}{}", "no UTF-8" => "{\"a\":\"\xFF\"}",
      "Ruby's marshalled" => Marshal.dump([1]), "a position without an event" => "1 17:3 id post.created -", "a NUL" => "\0",
      "nested without end" => "[" * 100_000, "20 MiB of JSON" => "\"#{"x" * (20 << 20)}\"", "20 MiB of anything" => "\0" * (20 << 20)
    }.each do |what, message|
      it "is dropped, counted and told when it is #{what}" do
        3.times do
          redis.command("PUBLISH", "atr:{witness}", message)
          expect(witness).to be_served
        end
        expect(server.stats).to include(events_invalid: 3, broker_reconnects: 0)
        eventually { expect(warnings.grep(/messages from the broker were dropped/).size).to eq 1 }
        expect(log.string).not_to include(message) unless message.empty?
      end
    end
  end

  # Clients are let in, are told nothing wrong, and get events when there are some.
  def expect_a_server_without_events(url, reason)
    client = connect(start_with(url), "/other")
    expect_one_warning(reason)
    expect(servers.last.stats).to include(connections: 1, broker_reachable: 0)
    expect(client.texts_so_far).to eq []
    expect(witness).to be_served
    expect_one_warning(reason)
  end

  def expect_one_warning(reason)
    eventually { expect(warnings).to match [reason] }
  end

  it "may be absent at the start, which is said once" do
    port = TCPServer.open("127.0.0.1", 0) { |free| free.addr[1] }
    expect_a_server_without_events("redis://127.0.0.1:#{port}", /cannot use Redis at 127\.0\.0\.1:#{port}: connection refused/)
  end

  it "may have a name that there is not" do
    expect_a_server_without_events("redis://redis.invalid", /cannot use Redis at redis\.invalid:6379/)
  end

  it "may be no Redis at all" do
    TCPServer.open("127.0.0.1", 0) do |port|
      answering = Thread.new { loop { port.accept.then { |socket| socket.write("HTTP/1.1 400 Bad Request\r\n\r\n") && socket.close } } }
      answering.report_on_exception = false
      expect_a_server_without_events("redis://127.0.0.1:#{port.addr[1]}", /cannot use Redis at 127\.0\.0\.1:/)
    ensure
      answering.kill.join
    end
  end

  describe "with a password" do
    before { redis.command("CONFIG", "SET", "requirepass", "geheim") }

    def url(password)
      redis.url.sub("redis://", "redis://:#{password}@")
    end

    it "says that it asks for one" do
      expect_a_server_without_events(redis.url, /asks for a password \(NOAUTH\): put it into redis_url/)
    end

    it "says that it is wrong, and does not show it" do
      expect_a_server_without_events(url("falsch"), /refuses the user name or the password/)
      expect(log.string).not_to match(/falsch|geheim/)
    end

    it "takes the right one" do
      other = start_with(url("geheim"))
      eventually { expect(other.stats).to include(broker_reachable: 1) }
    end
  end

  it "is refused at the start when its URL can be none, in words that do not repeat it" do
    ["redis:/:geheim@", "http://a:ge/heim@127.0.0.1", "geheim@127.0.0.1", "rediss://:geheim@127.0.0.1",
     "redis://:geheim@127.0.0.1/database"].each do |url|
      expect { start_with(url) }.to raise_error(Atr::ConfigurationError, /\Aredis_url (?!.*heim)/)
      expect(witness).to be_served
    end
  end
end
