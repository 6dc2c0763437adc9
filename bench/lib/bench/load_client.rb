# frozen_string_literal: true

require_relative "child"
require_relative "tools"

module Bench
  # Speaks with the program `load`, which holds all connections to one server (see bench/src/bin/load).
  class LoadClient
    # What one command came to. Counts are Integers, `latencies_us` is an Array of them.
    Answer = Struct.new(:connections, :messages, :deliveries, :wall_us, :disordered, :latencies_us, keyword_init: true)

    # @param server [Server]
    def initialize(server, redis:, connections:, core: Machine.other_core)
      @server = server
      @answers, out = IO.pipe
      input, @commands = IO.pipe
      options = { server: server.address, target: server.target, protocol: server.protocol, redis: redis.address,
                  channel: server.channel, connections: connections }
      command = ["taskset", "--cpu-list", core.to_s, Tools.program("load"), *options.flat_map { |name, value| ["--#{name}", value.to_s] }]
      @pid = Process.spawn(*command, in: input, out: out)
      [input, out].each(&:close)
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
      @commands.close
      Process.kill(:KILL, @pid)
      Process.wait(@pid)
      @answers.close
    end

    private

    def command(line)
      @commands.puts(line)
      answer = @answers.gets.to_s.chomp
      verdict, _, rest = answer.partition(" ")
      raise Child::Failed, "#{@server.name}: #{rest.empty? ? "the load client ended" : rest}" unless verdict == "ok"

      Answer.new(**rest.split.to_h { |word| parse(*word.split("=", 2)) })
    rescue Errno::EPIPE
      raise Child::Failed, "#{@server.name}: #{@answers.gets || "the load client ended"}"
    end

    def parse(name, value)
      [name.to_sym, name == "latencies_us" ? value.split(",").map(&:to_i) : value.to_i]
    end
  end
end
