# frozen_string_literal: true

require "support/ruby_process"

RSpec.describe "A process that forks while its server runs" do
  # Forks in a process of its own, runs the code in the child and gives what it printed.
  in_child = <<~RUBY
    def in_child
      reader, writer = IO.pipe
      child = fork do
        reader.close
        writer.write(JSON.generate(yield))
        writer.close
        exit(0)
      end
      writer.close
      { answer: JSON.parse(reader.read), status: Process.wait2(child).last.exitstatus, parents: reader.close }
    end
  RUBY

  around do |example|
    RubyProcess.start("atr", "logger") do |process|
      @process = process
      process.eval(in_child)
      process.eval('Atr.configure { |c| c.broker = "memory"; c.secret = "s"; c.logger = Logger.new(nil) }')
      @port = process.eval("server = Atr::Server.start(port: 0, admin_port: 0); server.port")
      example.run
    end
  end

  attr_reader :process, :port

  let(:client) { WebSocketClient.open(port:).tap(&:texts_so_far) }

  after { client.disconnect }

  it "keeps the server for itself: in the child every call of it raises ForkError" do
    calls = process.eval(<<~RUBY)["answer"]
      in_child do
        %i[port admin_port stats running? stop wait].to_h do |name|
          [name, begin; server.public_send(name); rescue Atr::ForkError => e; e.message; end]
        end
      end
    RUBY
    expect(calls.keys).to eq %w[port admin_port stats running? stop wait]
    expect(calls.values).to all(include("process #{process.pid}"))
    expect(client.texts_so_far).to eq []
  end

  it "has a child that publishes, whether the parent has published before or not" do
    publish = 'in_child { [Atr.publish("post.created", { from: "child" }), Atr.flush(10)] }'
    client
    expect(process.eval(publish)["answer"]).to eq [true, true]
    expect(client.next_event["record"]).to eq("from" => "child")
    process.eval('Atr.publish("post.created", { from: "parent" }); Atr.flush(10)')
    expect(client.next_event["record"]).to eq("from" => "parent")
    expect(process.eval(publish)["answer"]).to eq [true, true]
    expect(client.next_event["record"]).to eq("from" => "child")
  end

  it "has a child that ends by itself, and leaves the server as it is" do
    client
    expect(process.eval("in_child { GC.start }")["status"]).to eq 0
    expect(client.texts_so_far).to eq []
    expect(process.eval("server.running?")).to be true
  end

  it "has a child that can have a server of its own" do
    answer = process.eval(<<~RUBY)["answer"]
      in_child do
        own = Atr::Server.start(port: 0, admin_port: 0)
        [own.running?, own.port != #{port}, own.stop]
      end
    RUBY
    expect(answer).to eq [true, true, true]
    expect(client.texts_so_far).to eq []
  end

  context "with a child that lives on" do
    let(:ports) { [port, process.eval("server.admin_port")] }

    before do
      @unasked, @idle = ports.map { |port| TCPSocket.new("127.0.0.1", port) }
      @idle.write("GET /-/health HTTP/1.1\r\nHost: admin\r\n\r\n")
      expect(@idle.gets).to include "200"
      # Was accepted after the first; so the child has a copy of all three.
      client
      @child = process.eval("fork { sleep }")
    end

    after do
      Process.kill(:KILL, @child)
      [@unasked, @idle].each(&:close)
    end

    it "ends every connection when the server stops, of clients that do not answer, too" do
      expect(process.eval("server.stop(timeout: 0.2)")).to be false
      expect(client.wait_for_end(within: 5)).to be true
      [@unasked, @idle].each do |socket|
        expect(Timeout.timeout(5) { socket.read }).to be_a String
      end
    end

    it "frees both ports when the server stops" do
      process.eval("server.stop(timeout: 0.2)")
      ports.each { |port| expect { TCPSocket.new("127.0.0.1", port) }.to raise_error Errno::ECONNREFUSED }
      port, admin_port = ports
      process.eval("server = Atr::Server.start(port: #{port}, admin_port: #{admin_port})")
      expect(WebSocketClient.open(port:).tap(&:disconnect)).to be_open
    end
  end

  it "tells clients when it ends without stopping the server" do
    goodbye = Thread.new { client.part }
    client
    expect(process.stop).to be_success
    expect(goodbye.value).to eq 1012
  end
end
