# frozen_string_literal: true

require "etc"
require "socket"
require "support/witness"
require "tmpdir"

RSpec.describe "A server process that runs out of descriptors", if: File.exist?("/proc/self/stat") do
  around do |example|
    Dir.mktmpdir do |directory|
      File.write(File.join(directory, "app.rb"), "Process.setrlimit(Process::RLIMIT_NOFILE, 48, 48)\n")
      redis = RedisServer.start
      options = { require: "app.rb", redis_url: redis.url, ping_interval_seconds: 0.5 }
      ServerProcess.start(options, chdir: directory) do |server|
        @server = server
        client = connect
        @clock = connect
        redis.wait_for_subscriber("atr:{-}")
        @witness = Witness.new(client) { |number| redis.command("PUBLISH", "atr:{-}", %({"record":{"number":#{number}}})) }
        example.run
        [client, @clock].each(&:disconnect)
      end
    ensure
      redis&.close
    end
  end

  attr_reader :server, :witness

  def connect
    WebSocketClient.open(port: server.port).tap(&:texts_so_far)
  end

  # The server's pings are a clock that shows that it serves those who are in.
  def wait_for_pings(count)
    count.times do
      frame = @clock.next_frame until frame&.opcode == WebSocketClient::PING
      @clock.send_frame(WebSocketClient::PONG, "")
      yield
    end
  end

  # Seconds of processor time that the server has used.
  def processor_seconds
    fields = File.read("/proc/#{server.pid}/stat").rpartition(")").last.split
    (fields[11].to_i + fields[12].to_i) / Etc.sysconf(Etc::SC_CLK_TCK).to_f
  end

  it "rests with one line, serves those who are in, and goes on when there is room, without burning the processor" do
    # More than there is room for.
    crowd = Array.new(60) { Socket.tcp("127.0.0.1", server.port, connect_timeout: 5) }
    server.wait_for_output(/WARN.*no new clients for the moment: Too many open files/)

    used = processor_seconds
    wait_for_pings(4) { expect(witness).to be_served }
    expect(processor_seconds - used).to be < 0.3
    expect(server.output.scan("no new clients for the moment").size).to eq 1

    crowd.each(&:close)
    eventually { expect(WebSocketClient.status(port: server.port)).to eq 101 }
    expect(witness).to be_served
  end
end
