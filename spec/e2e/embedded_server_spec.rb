# frozen_string_literal: true

require "support/authentication"
require "support/embedded"

RSpec.describe "A server inside a Ruby process", :native do
  include Authentication
  include Embedded

  it "starts no thread before it is asked to" do
    expect(atr_threads).to eq []
  end

  it "listens on a free port when it is started" do
    server = start_server
    expect(server.port).to be_between(1, 65_535)
    expect(server.admin_port).to be_between(1, 65_535)
    expect(server.running?).to be true
    expect(status).to eq 101
  end

  it "leaves no thread when it is stopped, and can be started again" do
    2.times do
      server = start_server
      parting(connect(server))
      eventually { expect(atr_threads.map(&:name)).to include("atr.gate.0", "atr.log") }
      expect(server.stop).to be true
      expect(atr_threads.map(&:name).grep(/gate|stop/)).to eq []
    end
    Atr.reset_publisher
    expect(atr_threads).to eq []
  end

  it "leaves no native thread either" do
    start_server.stop
    before = native_threads
    5.times { start_server.stop }
    # The kernel forgets a thread a moment after it was joined.
    eventually { native_threads <= before }
  end

  it "tells its clients that it goes, and closes its ports" do
    server = start_server
    goodbye = parting(connect(server))
    port = server.port
    expect(server.stop).to be true
    expect(goodbye.value).to eq 1012
    expect { Socket.tcp("127.0.0.1", port, connect_timeout: 5) }.to raise_error(Errno::ECONNREFUSED)
  end

  it "is stopped but once, from however many threads" do
    server = start_server
    parting(connect(server))
    expect(Array.new(4) { Thread.new { server.stop } }.map(&:value)).to eq [true] * 4
    expect(server.stop).to be true
    expect(server.running?).to be false
    expect(server.wait).to be true
    expect(log.string.lines.grep(/atr: stopped/).size).to eq 1
  end

  it "stops in bounded time though the app's code does not end" do
    inside = Queue.new
    server = start_server(authenticate_with: authenticator { inside << true and Queue.new.pop })
    waiting = Thread.new { status rescue EOFError } # rubocop:disable Style/RescueModifier -- refused or cut off, either is right
    inside.pop
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    expect(server.stop(timeout: 0.2)).to be false
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun).to be < 10
    expect(atr_threads.map(&:name).grep(/gate|stop/)).to eq []
    expect(waiting.value).to eq(503).or eq(500).or eq(EOFError)
  end

  it "stops in bounded time though a client does not answer its goodbye" do
    server = start_server
    client = connect(server)
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    server.stop(timeout: 0.5)
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun).to be < 10
    expect(client.next_close.first).to eq 1012
  end

  it "runs beside another one, each with its own clients" do
    first = start_server
    second = start_server(scope_with: path_scope)
    expect(first.port).not_to eq second.port
    goodbye = parting(connect(first))
    stays = connect(second, "/organization/1")
    first.stop
    expect(goodbye.value).to eq 1012
    stays.send_text("ping")
    expect(stays.next_text).to eq "pong"
  end

  it "gives this process's publisher back to the one that still runs" do
    first = start_server
    second = start_server
    second.stop
    client = connect(first)
    Atr.publish("still.here", {})
    expect(JSON.parse(client.next_text)).to include("name" => "still.here")
  end

  it "cannot have a port that is taken, and says which" do
    port = start_server.port
    expect { start_server(port:) }.to raise_error(Atr::ServerError, /#{port}/)
    expect(servers.size).to eq 1
    expect(status).to eq 101
  end

  it "counts what it does" do
    server = start_server
    client = connect(server)
    expect(server.stats).to include(connections: 1)
    client.disconnect
    eventually { server.stats[:connections].zero? }
  end

  it "waits for its end in Ruby, so that a signal is seen" do
    server = start_server
    waiting = Thread.new { server.wait }
    waiting.report_on_exception = false
    eventually { waiting.status == "sleep" }
    expect(server.wait(0.01)).to be false
    server.stop
    expect(waiting.value).to be true
  end

  it "logs a line for its start and one for its end, and at info none for a connection" do
    logs = [1, 3].map do |count|
      log.truncate(0)
      log.rewind
      server = start_server
      goodbyes = Array.new(count) { parting(connect(server)) }
      server.stop
      goodbyes.each(&:join)
      log.string.lines.map { |line| line[/\w+ -- : .*/].gsub(/\d+/, "N") }
    end
    expect(logs.last).to match_array(logs.first)
    expect(logs.last.grep(/\AINFO -- : atr: listening on N\.N\.N\.N:N, admin on N\.N\.N\.N:N, broker memory/).size).to eq 1
    expect(logs.last.last).to eq "INFO -- : atr: stopped"
  end

  # The client answers the server's goodbye, meanwhile.
  def parting(client)
    Thread.new { client.part }
  end

  def native_threads
    Dir.exist?("/proc/self/task") ? Dir.children("/proc/self/task").size : 0
  end
end
