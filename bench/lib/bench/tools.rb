# frozen_string_literal: true

require "rbconfig"

module Bench
  # Makes sure that everything is there that a benchmark runs, and builds what can be built.
  class Tools
    class Missing < StandardError; end

    ROOT = File.expand_path("../../..", __dir__)
    BENCH = File.join(ROOT, "bench")
    COMMANDS = { "taskset" => "util-linux", "redis-server" => "redis-server", "cargo" => "Rust (https://rustup.rs)" }.freeze
    CARGO_HOME = File.expand_path("~/.cargo/bin")

    # @param say [#call] told what is being built
    def initialize(say: ->(line) { warn line })
      @say = say
      ENV["PATH"] += ":#{CARGO_HOME}" unless find("cargo")
    end

    # @param build [Boolean] whether to compile the gem's native library; the load clients are always brought up to date
    # @raise [Missing] with what to install
    def prepare(build: true)
      raise Missing, "this needs Linux: it reads /proc and pins processes to cores" unless File.directory?("/proc/self")

      missing = COMMANDS.reject { |command, _| find(command) }.values
      raise Missing, "please install #{missing.join(", ")}" if missing.any?

      run("compiling the load clients", "cargo", "build", "--release", "--locked", "--quiet", directory: BENCH)
      run("compiling atr", RbConfig.ruby, "-S", "rake", "--silent", "compile") if build
    end

    # Installs `ws`, if it can be.
    # @raise [Missing]
    def prepare_ws
      raise Missing, "Node.js with npm is missing" unless find("node") && find("npm")

      directory = Tools.server("ws")
      return if File.directory?(File.join(directory, "node_modules", "ws"))

      run("installing ws", "npm", "ci", "--no-audit", "--no-fund", "--loglevel", "error", directory: directory)
    end

    # @raise [Missing]
    def prepare_cable
      %w[rails puma redis sqlite3].each { |gem| Gem::Specification.find_by_name(gem) }
    rescue Gem::MissingSpecError => e
      raise Missing, "the gem #{e.name} is missing"
    end

    # @return [String] the path of a program of this workspace
    def self.program(name)
      File.join(BENCH, "target", "release", name)
    end

    # @return [String] the path of a file below bench/servers
    def self.server(name)
      File.join(BENCH, "servers", name)
    end

    private

    def find(command)
      ENV.fetch("PATH").split(":").any? { |directory| File.executable?(File.join(directory, command)) }
    end

    def run(what, *command, directory: ROOT)
      @say.call("#{what} …")
      # Elsewhere CARGO_TARGET_DIR would put the programs where nobody looks for them.
      environment = command.first == "cargo" ? { "CARGO_TARGET_DIR" => nil } : {}
      system(environment, *command, chdir: directory, out: :err) || raise(Missing, "#{what} failed: #{command.join(" ")}")
    end
  end
end
