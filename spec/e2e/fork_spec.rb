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

  it "tells clients when it ends without stopping the server" do
    goodbye = Thread.new { client.part }
    client
    expect(process.stop).to be_success
    expect(goodbye.value).to eq 1012
  end
end
