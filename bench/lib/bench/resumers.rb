# frozen_string_literal: true

require_relative "child"
require_relative "tools"

module Bench
  # Speaks with the program `resume`, which holds clients that come back (see bench/src/bin/resume).
  class Resumers
    def initialize(url, clients:)
      @answers, out = IO.pipe
      input, @commands = IO.pipe
      @pid = Process.spawn(Tools.program("resume"), "--url", url, "--clients", clients.to_s, in: input, out: out)
      [input, out].each(&:close)
    end

    # @return [Hash{Symbol => Integer}]
    def connect
      command("connect")
    end

    def drop(every:, away:)
      command("drop #{(every * 1000).to_i} #{(away * 1000).to_i}")
    end

    def calm
      command("calm")
    end

    # @return [Integer] how many are connected
    def connected
      command("status")[:connected]
    end

    # Waits until everybody has the event with this number.
    # @return [Hash{Symbol => Integer}] the ledger
    def wait(last)
      command("wait #{last}")
    end

    def close
      @commands.close
      Process.kill(:KILL, @pid)
      Process.wait(@pid)
      @answers.close
    end

    private

    def command(line)
      @commands.puts(line)
      verdict, *words = @answers.gets.to_s.split
      raise Child::Failed, "the clients: #{words.empty? ? "they ended" : words.join(" ")}" unless verdict == "ok"

      words.to_h { |word| word.split("=", 2) }.to_h { |name, value| [name.to_sym, value.to_i] }
    end
  end
end
