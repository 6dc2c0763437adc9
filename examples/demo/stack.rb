# frozen_string_literal: true

require "socket"
require "tmpdir"
require "uri"
require_relative "guard"
require_relative "service"

module Demo
  # The two processes of the demo, the Rails app and the websocket server, with a fresh database between them.
  class Stack
    # A machine of two cores boots the app in two seconds; a busy one may take long.
    BOOT_SECONDS = 90
    # More than the server's own shutdown_timeout_seconds, which is 10.
    STOP_SECONDS = 15
    HOST = "127.0.0.1"
    SERVER = File.join(ROOT, "exe", "atr_server")
    GEMFILE = File.join(ROOT, "examples", "blog", "Gemfile")

    # @param options [Options]
    def initialize(options)
      @options = options
      @services = []
    end

    # Prepares the database and starts both processes.
    # @raise [Failure] saying which one does not answer, and the last it said
    def start
      check_ports
      @directory = Dir.mktmpdir("atr-demo-")
      @guard = Guard.new(@directory)
      process("the database's setup", "bin/rails", "db:setup").run
      start_rails
      start_server
    end

    # @return [URI::HTTP] the address for people
    def url
      URI("http://#{HOST}:#{@options.port}/")
    end

    # @return [Integer] the process group for whatever else shall not outlive the demo
    def group
      @guard.group
    end

    # Waits until one of the processes ends, which none does by itself.
    # @raise [Failure] naming it
    def wait
      pid, status = Process.wait2
      ended = @services.find { |service| service.pid == pid }
      raise Failure, "the process that looks after the others has ended" unless ended

      ended.ended(status)
      raise Failure, ended.report
    end

    # @return [String] what the processes said last, for one who looks for the reason of a failure
    def output
      @services.map { |service| service.alive? ? service.output.sub("; ", "\n") : "\n#{service.report}" }.join
    end

    # Ends both and removes their files. Idempotent.
    def stop
      @services.each(&:terminate)
      @services.each { |service| service.wait_until_ended(STOP_SECONDS) }
    ensure
      @guard&.release
    end

    private

    # Otherwise somebody else's server would answer in the place of ours.
    def check_ports
      [@options.port, @options.server_port, @options.admin_port].each do |port|
        TCPServer.new(HOST, port).close
      rescue SystemCallError => e
        raise Failure, "port #{port} cannot be used: #{e.message}"
      end
    end

    # The Rails app first: a new app makes up its secret at its first request, and both processes must have the same one.
    def start_rails
      rails = process("the Rails app", "bin/rails", "server", "--binding=#{HOST}", "--port=#{@options.port}",
                      "--pid=#{File.join(@directory, "rails.pid")}")
      @services << rails
      rails.start
      rails.wait_for(url, seconds: BOOT_SECONDS)
    end

    def start_server
      # By its path: Bundler links the executables of a gem in a directory only where it installs gems itself.
      server = process("atr_server", "bundle", "exec", SERVER, "start",
                       "--server_port=#{@options.server_port}", "--admin_port=#{@options.admin_port}")
      @services << server
      server.start
      server.wait_for(URI("http://#{HOST}:#{@options.server_port}/-/health"), seconds: BOOT_SECONDS)
    end

    def process(name, *command)
      log = File.join(@directory, "#{name[/\w+\z/]}.log")
      Service.new(name, command, env: environment, log: log, chdir: @options.app, pgroup: @guard.group)
    end

    # The demo's settings alone: nothing that the shell happens to have for another app, no Redis, no Bundler of ours.
    def environment
      (defined?(Bundler) ? Bundler.unbundled_env : ENV.to_h)
        .reject { |name, _| name.match?(/\A(ATR_|BUNDLE_GEMFILE|DATABASE_URL|PORT|RACK_ENV|RAILS_|REDIS_URL|SECRET_KEY_BASE)/) }
        .merge(
          "BUNDLE_GEMFILE" => GEMFILE,
          "RAILS_ENV" => "development",
          "DATABASE_URL" => "sqlite3:#{File.join(@directory, "demo.sqlite3")}",
          "ATR_BROKER" => "memory",
          "ATR_SERVER_PORT" => @options.server_port.to_s,
          "ATR_ADMIN_PORT" => @options.admin_port.to_s,
          "ATR_ADMIN_URL" => @options.admin_url || "http://#{HOST}:#{@options.admin_port}"
        )
    end
  end
end
