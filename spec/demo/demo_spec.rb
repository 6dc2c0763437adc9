# frozen_string_literal: true

require "fileutils"
require "socket"
require_relative "demo_process"

# Everything here is real: processes, signals, sockets, the browser.
RSpec.describe "bin/demo" do
  let(:ports) do
    sockets = Array.new(3) { TCPServer.new("127.0.0.1", 0) }
    sockets.map { |socket| socket.addr[1] }.tap { sockets.each(&:close) }
  end
  let(:port_flags) { %w[--port --server_port --admin_port].zip(ports.map(&:to_s)).flatten }

  def running?(port)
    TCPSocket.new("127.0.0.1", port).close
    true
  rescue SystemCallError
    false
  end

  def expect_nothing_left(demo)
    eventually(within: 30, what: "the end of all processes") { ports.none? { |port| running?(port) } }
    eventually(what: "the removal of #{demo.left_files}") { demo.left_files.empty? }
  end

  # @return [Integer] the process whose command line has the text
  def pid_of(text)
    `ps -A -o pid=,args=`.lines.find { |line| line.include?(text) }.to_i
  end

  it "checks itself in a browser: each event shows in the page of its organization, and in no other" do
    Dir.mktmpdir do |directory|
      picture = File.join(directory, "page.png")
      DemoProcess.start("--check", "--screenshot", picture) do |demo|
        expect(demo.wait).to eq(0), demo.output
        expect(demo.output).to include("created", "updated", "destroyed", "is refused at ws://", "screenshot #{picture}")
        expect(File.binread(picture, 8)).to eq("\x89PNG\r\n\x1A\n".b)
        expect(demo.left_files).to be_empty
      end
    end
  end

  it "fails its check when the scope class lets everybody see everything" do
    Dir.mktmpdir do |directory|
      FileUtils.cp_r(File.join(DemoProcess::ROOT, "examples", "blog"), directory)
      scope = File.join(directory, "blog", "app", "atr", "websocket_scope.rb")
      File.write(scope, File.read(scope).sub('segs.join(".")', '"organization.1"'))
      DemoProcess.start("--check", "--app", File.join(directory, "blog")) do |demo|
        expect(demo.wait).to eq(1), demo.output
        expect(demo.output).to match(/check failed: Alpine Cycling Club shows post\.created ".*", which did not happen there/)
      end
    end
  end

  it "ends both processes on Ctrl-C, and starts again on the same ports" do
    2.times do
      DemoProcess.start(*port_flags) do |demo|
        demo.wait_until_ready
        expect(ports).to all(satisfy { |port| running?(port) })
        demo.interrupt
        expect(demo.wait).to eq(0), demo.output
        expect_nothing_left(demo)
      end
    end
  end

  it "leaves no process behind when it is killed itself" do
    DemoProcess.start(*port_flags) do |demo|
      demo.wait_until_ready
      demo.kill
      expect_nothing_left(demo)
    end
  end

  it "ends when the websocket server dies, and says what has happened" do
    DemoProcess.start(*port_flags) do |demo|
      demo.wait_until_ready
      Process.kill(:KILL, pid_of("--server_port=#{ports[1]}"))
      expect(demo.wait).to eq(1), demo.output
      expect(demo.output).to include("atr_server has ended (SIGKILL")
      expect_nothing_left(demo)
    end
  end

  it "refuses a port that somebody else has" do
    taken = TCPServer.new("127.0.0.1", 0)
    DemoProcess.start("--port", taken.addr[1].to_s) do |demo|
      expect(demo.wait).to eq(1)
      expect(demo.output).to match(/\Ademo: port #{taken.addr[1]} cannot be used: Address already in use/)
    end
  ensure
    taken.close
  end

  it "says what it does not understand" do
    DemoProcess.start("--chekc") do |demo|
      expect(demo.wait).to eq(1)
      expect(demo.output).to start_with("demo: invalid option: --chekc\n").and end_with("See bin/demo --help\n")
    end
    DemoProcess.start("--port", "99999") do |demo|
      expect(demo.wait).to eq(1)
      expect(demo.output).to eq("demo: --port=99999 is no port: expected 1 to 65535\n")
    end
  end
end
