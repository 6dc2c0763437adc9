# frozen_string_literal: true

require "optparse"
require "socket"
require_relative "failure"

module Demo
  # What `bin/demo` was asked for: by flags, else by the environment, else what is free on this machine.
  class Options
    PORTS = { port: "PORT", server_port: "ATR_SERVER_PORT", admin_port: "ATR_ADMIN_PORT" }.freeze

    # @return [Integer] the ports of the Rails app, of the websocket server and of its admin listener
    attr_reader :port, :server_port, :admin_port
    # @return [String, nil] where the publishers find the admin listener, if not on this machine's admin port
    attr_reader :admin_url
    # @return [String] directory of the Rails app
    attr_reader :app
    # @return [String] where the check writes what it saw
    attr_reader :screenshot

    # @param argv [Array<String>]
    # @raise [Failure] naming the flag that is not understood
    def initialize(argv, env: ENV)
      @app = File.join(ROOT, "examples", "blog")
      @setup = true
      @admin_url = env["ATR_ADMIN_URL"]
      PORTS.each { |name, variable| set_port(name, env[variable], variable) }
      parser.parse(argv).then { |rest| raise Failure, "what is #{rest.first.inspect}? See bin/demo --help" if rest.any? }
      @screenshot ||= File.join(@app, "tmp", "demo-check.png")
      choose_free_ports
    rescue OptionParser::ParseError => e
      raise Failure, "#{e.message}\nSee bin/demo --help"
    end

    def check?
      @check
    end

    def setup?
      @setup
    end

    # @return [String, nil] the text to print instead of doing anything
    def help
      parser.to_s if @help
    end

    private

    def parser
      OptionParser.new("Usage: bin/demo [options]") do |flags|
        flags.on("--check", "create, edit and delete a post in a headless browser; the exit status says") { @check = true }
        flags.on("--screenshot FILE", "where --check writes a picture") { |path| @screenshot = File.expand_path(path) }
        flags.on("--port N", "of the Rails app (or PORT)") { |text| set_port(:port, text, "--port") }
        flags.on("--server_port N", "of the websocket server (or ATR_SERVER_PORT)") { |text| set_port(:server_port, text, "--server_port") }
        flags.on("--admin_port N", "of its admin listener (or ATR_ADMIN_PORT)") { |text| set_port(:admin_port, text, "--admin_port") }
        flags.on("--app DIRECTORY", "another Rails app, made from examples/blog") { |path| @app = File.expand_path(path) }
        flags.on("--[no-]setup", "run bin/setup first (default)") { |wanted| @setup = wanted }
        flags.on("-h", "--help") { @help = true }
      end
    end

    def set_port(name, text, source)
      return if text.nil?

      port = Integer(text, 10, exception: false)
      raise Failure, "#{source}=#{text} is no port: expected 1 to 65535" unless port&.between?(1, 65_535)

      instance_variable_set("@#{name}", port)
    end

    # All of them are held open until the last is chosen, so that no two are the same.
    def choose_free_ports
      held = PORTS.keys.select { |name| instance_variable_get("@#{name}").nil? }.map do |name|
        TCPServer.new("127.0.0.1", 0).tap { |socket| instance_variable_set("@#{name}", socket.addr[1]) }
      end
    ensure
      held&.each(&:close)
    end
  end
end
