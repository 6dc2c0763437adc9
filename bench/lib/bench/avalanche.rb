# frozen_string_literal: true

require_relative "stage"

module Bench
  # All clients lose the server at once, miss some events and come back.
  class Avalanche
    MISSED = 20

    def initialize(clients:, say: ->(line) { puts line })
      @clients = clients
      @say = say
    end

    # @return [Boolean] whether everybody had everything
    def run
      @stage = Stage.new("redis")
      clients = Resumers.new(@stage.url, clients: @clients)
      meter = Meter.new(@stage.server.pid)
      empty = meter.rss
      clients.connect
      before = meter.rss
      @say.call(format("an idle connection of atr.v1 takes %.1f KiB", (before - empty) / 1024.0 / @clients))
      fall
      begun = now
      @stage.start_server
      ledger = clients.wait(@last)
      report(ledger, now - begun, before)
    ensure
      clients&.close
      @stage&.stop
    end

    private

    def fall
      @stage.publish(1)
      @stage.kill_server
      @last = @stage.publish(MISSED)
      @stage.flush
    end

    def report(ledger, seconds, before)
      meter = Meter.new(@stage.server.pid)
      peak = File.read("/proc/#{meter.pid}/status")[/^VmHWM:\s*(\d+) kB/, 1].to_i / 1024
      @say.call("#{@clients} clients back and caught up with #{MISSED} events after #{format("%.1f", seconds)} s")
      @say.call(format("server: %<cpu>.2f s of processor time, %<peak>d MiB at its peak, %<before>d MiB before the fall",
                       cpu: meter.cpu, peak: peak, before: before / 1024 / 1024))
      whole = %i[lossy duplicates disordered told].all? { |name| ledger[name].zero? }
      @say.call(whole ? "everybody has every event once, in order, and nobody was told of a loss" : "BROKEN: #{ledger}")
      whole
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
