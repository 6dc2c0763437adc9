# frozen_string_literal: true

require "socket"
require "tmpdir"

RSpec.describe "The command atr_server" do
  around { |example| Dir.mktmpdir { |directory| @directory = File.realpath(directory) and example.run } }

  # An app of one file, without Rails.
  def app(text)
    File.write(File.join(@directory, "app.rb"), <<~RUBY)
      require "atr"
      Atr.configure { |config| config.secret = "secret of the specs" }
      #{text}
    RUBY
  end

  # Says that it is inside, and stays there.
  def app_that_hangs
    app(<<~RUBY)
      class WebsocketAuthenticator < Atr::RequestAuthenticator
        def matches?
          $stdout.write("inside\n")
          $stdout.flush
          sleep
        end
      end
      Atr.configure { |config| config.authenticate_with = WebsocketAuthenticator }
    RUBY
  end

  def start(**options, &)
    app("") unless File.exist?(File.join(@directory, "app.rb"))
    ServerProcess.start({ require: "app.rb" }.merge(options), chdir: @directory, &)
  end

  # @return [ServerProcess] one that has ended by itself
  def run(*arguments, environment: {})
    ServerProcess.new(arguments:, environment:, chdir: @directory).tap(&:wait)
  end

  def connect(server)
    WebSocketClient.open(port: server.port).tap(&:texts_so_far)
  end

  it "runs a server with an app" do
    app(<<~RUBY)
      class WebsocketAuthenticator < Atr::RequestAuthenticator
        def matches? = params[:token] == "right"
      end
      Atr.configure { |config| config.authenticate_with = WebsocketAuthenticator }
    RUBY
    start do |server|
      expect(WebSocketClient.status(port: server.port, path: "/?token=wrong")).to eq 401
      expect(WebSocketClient.status(port: server.port, path: "/?token=right")).to eq 101
      expect(server.output).not_to include("token")
    end
  end

  it "runs without an app, by flags and environment alone" do
    ServerProcess.start({ secret: "s" }, environment: { "ATR_GATE_THREADS" => "2" }, chdir: @directory) do |server|
      expect(WebSocketClient.status(port: server.port)).to eq 101
    end
  end

  it "writes one line for each connection to who wants to debug" do
    start(log_level: "debug") do |server|
      connect(server).disconnect
      server.wait_for_output(/DEBUG.*127\.0\.0\.1/)
    end
  end

  %w[INT TERM].each do |signal|
    it "stops at #{signal}: clients are told, and the status is 0" do
      server = start
      goodbye = connect(server).then { |client| Thread.new { client.part } }
      server.signal(signal)
      expect(goodbye.value).to eq 1012
      expect(server.wait.exitstatus).to eq 0
      expect(server.output).to match(/INFO +atr: stopped$/)
      expect { Socket.tcp("127.0.0.1", server.port, connect_timeout: 5) }.to raise_error(Errno::ECONNREFUSED)
    end
  end

  it "stops within its time though the app's code does not end, with status 0" do
    app_that_hangs
    server = start(shutdown_timeout: 0.3, gate_deadline_seconds: 60)
    waiting = Thread.new { WebSocketClient.status(port: server.port) rescue EOFError } # rubocop:disable Style/RescueModifier -- either is right
    server.wait_for_output(/inside/)
    server.signal(:TERM)
    expect(server.wait(within: 10).exitstatus).to eq 0
    expect(server.output).to match(/atr\.gate\.\d is still in the app's code/)
    waiting.join
  end

  it "ends at once at a second signal" do
    app_that_hangs
    server = start(shutdown_timeout: 600, gate_deadline_seconds: 600)
    waiting = Thread.new { WebSocketClient.status(port: server.port) rescue EOFError } # rubocop:disable Style/RescueModifier -- cut off
    server.wait_for_output(/inside/)
    server.signal(:TERM)
    eventually { refused?(server.port) }
    server.signal(:TERM)
    expect(server.wait(within: 10).exitstatus).to eq 1
    waiting.join
  end

  it "prints the backtrace of every Ruby thread at TTIN, and goes on" do
    start do |server|
      server.signal(:TTIN)
      server.wait_for_output(/== atr\.gate\.3 .*next_job/m)
      server.wait_for_output(/== main .*foreground\.rb/m)
      expect(server.output).to match(/== atr\.log /)
      expect(WebSocketClient.status(port: server.port)).to eq 101
    end
  end

  it "needs no secret with Redis, and has it from REDIS_URL" do
    redis = RedisServer.start
    ServerProcess.start({}, environment: { "REDIS_URL" => redis.url }, chdir: @directory) do |server|
      expect(server.output).to include("broker redis")
      client = connect(server)
      redis.wait_for_subscriber("atr:{-}")
      redis.command("PUBLISH", "atr:{-}", '{"name":"post.created"}')
      expect(client.next_event).to eq("name" => "post.created")
      client.disconnect
    end
  ensure
    redis&.close
  end

  describe "in one line and with status 1" do
    def expect_line(process, pattern)
      expect(process.wait.exitstatus).to eq 1
      lines = process.output.lines.grep_v(/(INFO|WARN) /)
      expect(lines).to match [pattern]
    end

    it "says that a port is taken" do
      TCPServer.open("127.0.0.1", 0) do |taken|
        port = taken.addr[1]
        expect_line(run("start", "--server_port=#{port}", "--secret=s", "--admin_port=0"), /\Aatr_server: .*127\.0\.0\.1:#{port}/)
        expect_line(run("start", "--server_port=0", "--secret=s", "--admin_port=#{port}"), /\Aatr_server: .*127\.0\.0\.1:#{port}/)
      end
    end

    it "says which option there is not" do
      expect_line(run("start", "--sever_port=1"), "atr_server: there is no option --sever_port (did you mean --server_port?)\n")
    end

    it "says which value cannot be" do
      expect_line(run("start", "--server-port", "http"), /\Aatr_server: server_port is "http" .*Integer/)
      expect_line(run("start", environment: { "ATR_SERVER_PORT" => "http" }), /\Aatr_server: server_port is "http" \(ATR_SERVER_PORT\)/)
    end

    it "says why the app could not be loaded" do
      app("\nNoSuchConstant")
      expect_line(run("start", "--require", "app.rb"),
                  /\Aatr_server: app\.rb could not be loaded: NameError: uninitialized constant NoSuchConstant \(app\.rb:4\)$/)
    end

    it "says which line to add when there is no secret" do
      expect_line(run("start"), /\Aatr_server: .*config\.secret = /)
    end

    it "says which class there is not" do
      app('Atr.configure { |config| config.authenticate_with = "NoSuchClass" }')
      expect_line(run("start", "--require", "app.rb", "--server_port=0", "--admin_port=0"),
                  /\Aatr_server: authenticate_with is NoSuchClass, but there is no class/)
    end
  end

  it "shows the backtrace to who wants to debug" do
    app("raise 'no database'")
    process = run("start", "--require", "app.rb", "--log_level=debug")
    expect(process.output).to include("no database (RuntimeError)").and match(/from .*application_loader/)
  end

  it "has a version and a help" do
    expect(run("version").output).to eq "#{Atr::VERSION}\n"
    help = run("help")
    expect(help.wait.exitstatus).to eq 0
    expect(help.output).to include("--server_host")
  end

  def refused?(port)
    Socket.tcp("127.0.0.1", port, connect_timeout: 5, &:close)
    false
  rescue Errno::ECONNREFUSED
    true
  end
end
