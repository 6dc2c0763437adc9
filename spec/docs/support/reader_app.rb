# frozen_string_literal: true

require "bundler"
require "fileutils"
require "socket"
require "tmpdir"
require_relative "console"
require_relative "document"
require_relative "terminal"

module Docs
  # The Rails app of somebody who reads the docs and does what they say, in a temporary directory. What differs from the text
  # is only where things are: the gem is this checkout, and the ports are free ones.
  class ReaderApp
    TEMPLATE = File.expand_path("../app", __dir__)
    # Settings of whoever runs the specs, for other apps.
    STRANGE = /\A(?:ATR_|BUNDLE_GEMFILE|DATABASE_URL|PORT\z|RACK_ENV|RAILS_ENV|REDIS_URL|SECRET_KEY_BASE)/

    # @return [Integer] where the server listens
    attr_reader :port
    # @return [Hash{String => String}] variables that are set in all terminals
    attr_reader :variables
    # @return [Hash{String => String}] ports of the documents, and what they are here
    attr_reader :ports

    def initialize
      @directory = File.realpath(Dir.mktmpdir("atr-docs-"))
      FileUtils.cp_r(File.join(TEMPLATE, "."), @directory)
      @port, admin_port = free_ports(2)
      @ports = { "7777" => @port.to_s, "7778" => admin_port.to_s }
      @aliases = []
      @opened = []
      begin_anew
    end

    # Ends what was started, and sets the variables of what will be.
    # @param variables [Hash{Symbol => String}]
    def begin_anew(**variables)
      stop
      @variables = { "ATR_SERVER_PORT" => @ports["7777"], "ATR_ADMIN_PORT" => @ports["7778"] }.merge(variables.transform_keys(&:to_s))
    end

    # Does what a reader has done who has come so far: writes the files, and knows the aliases.
    # @param blocks [Array<Block>]
    def follow(blocks)
      write(*blocks.select(&:path))
      @aliases = blocks.select { |block| block.language == "sh" }.flat_map { |block| block.code.lines.grep(/\Aalias /) }
    end

    # Makes atr one of the app's gems, as README.md says.
    def add_gem
      write(Document.new("README.md").block("# Gemfile"))
    end

    # Writes blocks that are files into the app.
    # @param blocks [Array<Block>]
    def write(*blocks)
      blocks.each do |block|
        target = File.join(@directory, block.path || raise(ArgumentError, "#{block} does not say which file it is"))
        FileUtils.mkdir_p(File.dirname(target))
        File.write(target, block.path == "Gemfile" ? gemfile(block.code) : block.code)
        block.run!
      end
    end

    # Types a block into a terminal, in the app's directory.
    # @return [Terminal]
    def type(block)
      block.run!
      terminal(@aliases.join + local(block.code))
    end

    # @param script [String]
    # @return [Terminal]
    def terminal(script)
      keep Terminal.new(script, directory: @directory, environment: environment)
    end

    # Starts the server, as a block says or as always, and waits until it listens.
    # @param block [Block, nil]
    # @return [Terminal]
    def serve(block = nil)
      @server = block ? type(block) : terminal("bundle exec atr_server start")
      @server.wait_for(/listening on .*$/)
      @server
    end

    # @return [Terminal] the one of {#serve}
    attr_reader :server

    # @return [Console] of the app as it was when it was first asked for since {#stop}
    def console
      @console ||= keep(Console.new(directory: @directory, environment: environment))
    end

    # Runs a Ruby block in the console.
    def run(block)
      console.run(block, text: local(block.code))
    end

    # Runs a JavaScript block in a page, and waits until its websocket is open. What it logs is in `logged`.
    # @param page [Chromium::Page]
    # @param socket [String] what the block calls it
    def browse(block, page, socket:)
      page.evaluate("window.logged = []; console.log = (...all) => logged.push(all)")
      page.evaluate(local(block.code))
      page.wait_for("the open websocket") { page.evaluate("#{socket}.readyState") == 1 }
      block.run!
    end

    # @return [String] a document's code, with the ports that they are here
    def local(code)
      @ports.reduce(code) { |text, (said, here)| text.gsub(/\b#{said}\b/, here) }
    end

    # Ends what was started, the last first.
    def stop
      @console = nil
      @opened.pop.stop until @opened.empty?
    end

    def close
      stop
    ensure
      FileUtils.rm_rf(@directory)
    end

    private

    def keep(one)
      @opened << one
      one
    end

    # @return [String] the app's own, and the line of the document, which means this checkout here
    def gemfile(code)
      [File.read(File.join(TEMPLATE, "Gemfile")), code.sub(/^gem "atr".*$/) { |line| "#{line}, path: #{ROOT.dump}" }].join("\n")
    end

    # Bundler links the executables only of gems that it installs: this checkout's are found by PATH.
    def environment
      Bundler.unbundled_env.reject { |name, _| name.match?(STRANGE) }.merge(
        "PATH" => [File.join(ROOT, "exe"), ENV.fetch("PATH")].join(File::PATH_SEPARATOR), **@variables
      )
    end

    # All are held until the last is chosen, so that no two are the same.
    def free_ports(count)
      sockets = Array.new(count) { TCPServer.new("127.0.0.1", 0) }
      sockets.map { |socket| socket.addr[1] }
    ensure
      sockets.each(&:close)
    end
  end
end
