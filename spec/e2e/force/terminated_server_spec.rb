# frozen_string_literal: true

require "socket"
require "tmpdir"

RSpec.describe "The command atr_server, told to stop at a bad moment" do
  let(:half_a_request) { "GET / HTTP/1.1\r\nHost: x\r\nUpgr" }

  before { @redis = RedisServer.start }
  after { @redis.close }

  around { |example| Dir.mktmpdir { |directory| @directory = File.realpath(directory) and example.run } }

  def start(app = "", **options)
    File.write(File.join(@directory, "app.rb"), app)
    ServerProcess.start({ require: "app.rb", redis_url: @redis.url }.merge(options), chdir: @directory) do |server|
      @server = server
      yield
    end
  end

  attr_reader :server

  def connect
    client = WebSocketClient.open(port: server.port).tap(&:texts_so_far)
    @redis.wait_for_subscriber("atr:{-}")
    client
  end

  def seconds_to_stop
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    server.signal(:TERM)
    expect(server.wait(within: 30).exitstatus).to eq 0
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun
  end

  it "waits for no handshake that is under way" do
    start do
      goodbye = Thread.new(connect, &:part)
      sockets = Array.new(50) { Socket.tcp("127.0.0.1", server.port) }
      sockets.take(25).each { |socket| socket.write(half_a_request) }
      expect(seconds_to_stop).to be < 5
      expect(goodbye.value).to eq 1012
      sockets.each(&:close)
    end
  end

  it "leaves every client a whole beginning of a burst that is under way" do
    start do
      reading = Array.new(5) { Thread.new(connect) { |client| read_to_goodbye(client) } }
      publisher = @redis.client
      pid = server.pid
      20_000.times.each_slice(500) do |numbers|
        publisher.pipelined { |pipe| numbers.each { |number| pipe.publish("atr:{-}", number) } }
        Process.kill(:TERM, pid) if numbers.include?(10_000)
      end
      expect(server.wait(within: 30).exitstatus).to eq 0
      reading.map(&:value).each do |texts, code|
        expect(code).to eq 1012
        expect(texts.size).to be > 5_000
        expect(texts).to eq([*0...texts.size].map(&:to_s))
      end
      publisher.close
    end
  end

  # @return [Array(Array<String>, Integer)] the texts before the goodbye, and its code
  def read_to_goodbye(client)
    texts = []
    until (frame = client.next_frame).close
      texts << frame.payload if frame.text?
    end
    client.close(1000)
    client.wait_for_end
    client.disconnect
    [texts, frame.close.first]
  end

  it "does not wait longer than it may for the app's code, and tells the others at once" do
    app = <<~RUBY
      class Hanging < Atr::RequestAuthenticator
        def matches? = request.path == "/" || ($stdout.write("inside\n") && sleep)
      end
      require "atr"
      Atr.configure { |config| config.authenticate_with = Hanging }
    RUBY
    start(%(require "atr"\n#{app}), shutdown_timeout: 1, gate_deadline_seconds: 60) do
      goodbye = Thread.new(connect, &:part)
      refused = Thread.new { WebSocketClient.status(port: server.port, path: "/hang") }
      server.wait_for_output(/inside/)
      expect(seconds_to_stop).to be < 6
      expect(goodbye.value).to eq 1012
      expect(refused.value).to eq 503
    end
  end
end
