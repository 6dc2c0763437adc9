# frozen_string_literal: true

require_relative "machine"
require_relative "program"

module Bench
  # Speaks with the program `load`, which holds all connections to one server (see bench/src/bin/load).
  class LoadClient
    # What one command came to. Counts are Integers, `latencies_us` is an Array of them.
    Answer = Struct.new(:connections, :messages, :deliveries, :wall_us, :disordered, :latencies_us, keyword_init: true)

    # @param server [Server]
    def initialize(server, redis:, connections:, core: Machine.other_core)
      options = { server: server.address, target: server.target, protocol: server.protocol, redis: redis.address,
                  channel: server.channel, connections: connections }
      command = ["taskset", "--cpu-list", core.to_s, Tools.program("load"), *options.flat_map { |name, value| ["--#{name}", value.to_s] }]
      @program = Program.new(server.name, *command)
    end

    def connect
      command("connect")
    end

    # Publishes bursts of `size`, each when every client has the one before: `max` of them, or as many as take `seconds`.
    def publish(size, max:, seconds:)
      command("publish #{size} #{max} #{(seconds * 1000).to_i}")
    end

    # Has each client send a text of about so many bytes.
    def say(bytes)
      command("say #{bytes}")
    end

    # Hangs up.
    def close
      @program.close
    end

    private

    def command(line)
      Answer.new(**@program.command(line).to_h { |name, value| [name, parse(name, value)] })
    end

    def parse(name, value)
      name == :latencies_us ? value.split(",").map(&:to_i) : value.to_i
    end
  end
end
