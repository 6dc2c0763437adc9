# frozen_string_literal: true

require_relative "program"

module Bench
  # Speaks with the program `resume`, which holds clients that come back (see bench/src/bin/resume).
  class Resumers
    def initialize(url, clients:)
      @program = Program.new("the clients", Tools.program("resume"), "--url", url, "--clients", clients.to_s)
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
      @program.close
    end

    private

    def command(line)
      @program.command(line).transform_values(&:to_i)
    end
  end
end
