# frozen_string_literal: true

require "support/ruby_process"

RSpec.describe "A Ruby process that starts and stops servers" do
  around do |example|
    RubyProcess.start("atr", "logger", File.expand_path("../../support/websocket_client", __dir__)) do |process|
      @process = process
      process.eval(<<~RUBY)
        Atr.configure { |c| c.broker = "memory"; c.secret = "s"; c.logger = Logger.new(nil); c.gate_threads = 2 }
        def start(**options) = Atr::Server.start(port: 0, admin_port: 0, **options)
        nil
      RUBY
      example.run
    end
  end

  attr_reader :process

  def connect(port)
    WebSocketClient.open(port:).tap(&:texts_so_far)
  end

  it "does so fifty times without growth in threads, descriptors or memory", if: File.exist?("/proc/self/status") do
    process.eval(<<~RUBY)
      def vitals
        GC.start
        { "threads" => Dir.children("/proc/self/task").size, "ruby_threads" => Thread.list.size,
          "descriptors" => Dir.children("/proc/self/fd").size, "kib" => File.read("/proc/self/status")[/^VmRSS:\\s+(\\d+)/, 1].to_i }
      end

      def round
        server = start
        clients = Array.new(3) { WebSocketClient.open(port: server.port).tap(&:texts_so_far) }
        Atr.publish("post.created", { text: "x" * 1000 })
        clients.each(&:next_event)
        goodbyes = clients.map { |client| Thread.new { client.part } }
        [server.stop, goodbyes.map(&:value)]
      end
      nil
    RUBY
    expect(process.eval("Array.new(10) { round }.uniq")).to eq [[true, [1012] * 3]]
    before = process.eval("vitals")
    expect(process.eval("Array.new(50) { round }.uniq", within: 60)).to eq [[true, [1012] * 3]]
    eventually do
      after = process.eval("vitals")
      expect(after.except("kib")).to eq before.except("kib")
      expect(after["kib"] - before["kib"]).to be < 8 * 1024
    end
  end

  it "starts one after the other on the same port" do
    port = process.eval("server = start; server.port")
    3.times do
      goodbye = Thread.new(connect(port), &:part)
      expect(process.eval("server.stop")).to be true
      expect(goodbye.value).to eq 1012
      expect(process.eval("server = start(port: #{port}); server.port")).to eq port
    end
  end

  it "stops one from another thread while the main thread waits for it, and once more after that" do
    goodbye = Thread.new(connect(process.eval("server = start; server.port")), &:part)
    expect(process.eval("stopping = Thread.new { server.stop }; [server.wait(20), stopping.value, server.stop]")).to eq [true] * 3
    expect(goodbye.value).to eq 1012
  end

  describe "in a signal handler" do
    before { process.eval('server = start; trap("TERM") { $answers = Array.new(2) { server.stop } }; nil') }

    let!(:goodbye) { Thread.new(connect(process.eval("server.port")), &:part) }

    it "begins to stop, and is waited for elsewhere" do
      Process.kill(:TERM, process.pid)
      expect(goodbye.value).to eq 1012
      expect(process.eval("[server.wait(20), $answers, server.stop]")).to eq [true, [nil, nil], true]
    end

    it "does so while the main thread waits" do
      waiting = Thread.new { process.eval("Process.kill(:TERM, Process.pid); server.wait(20)") }
      expect(goodbye.value).to eq 1012
      expect(waiting.value).to be true
    end
  end
end
