# frozen_string_literal: true

require_relative "samples"
require_relative "stage"

module Bench
  # Publishes as fast as the publisher takes it, with the log and without, in turns.
  class Log
    # 327 bytes of JSON, with what an event has beside its record.
    RECORD = { id: 1234, title: "The title of a post", body: "x" * 130 }.freeze
    EVENTS_A_SCOPE = 100
    # Events that may wait; then they are waited for.
    WAVE = 5000
    WAYS = %w[redis memory].product([100, 0]).freeze

    LINE = "%-6<broker>s %-12<log>s %7<rate>d events/s  %5.1<server_us>f µs an event in %<keeper>s  %5.1<caller_us>f µs in the caller"

    Cost = Struct.new(:rate, :server_us, :caller_us)

    def initialize(events:, scopes:, rounds:, say: ->(line) { puts line })
      @events = events
      @scopes = scopes
      @rounds = rounds
      @say = say
    end

    def run
      @say.call("#{Machine.description}; medians of #{@rounds} rounds of #{@events} events")
      costs = Hash.new { |hash, way| hash[way] = [] }
      @rounds.times { WAYS.each { |way| costs[way] << measure(*way) } }
      costs.each { |(broker, size), rounds| report(broker, size, rounds) }
      @say.call(memory)
    end

    private

    # The processor time is that of whoever keeps the log: Redis, or the server.
    def measure(broker, size)
      stage = Stage.new(broker, log_size: size)
      keeper = Meter.new(broker == "redis" ? stage.redis.child.pid : stage.server.pid)
      wave(stage, 100)
      before = clocks(keeper)
      (@events / WAVE).times { wave(stage, WAVE) }
      wall, cpu, caller = clocks(keeper).zip(before).map { |after, earlier| after - earlier }
      Cost.new(@events / wall, cpu * 1e6 / @events, caller * 1e6 / @events)
    ensure
      stage&.stop
    end

    def clocks(keeper)
      [Process.clock_gettime(Process::CLOCK_MONOTONIC), keeper.cpu, Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)]
    end

    def wave(stage, count)
      count.times { Atr.publish("post.created", RECORD) }
      stage.flush
    end

    def report(broker, size, rounds)
      median = Cost.members.to_h { |name| [name, Samples.median(rounds.map(&name))] }
      @say.call(format(LINE, broker: broker, log: size.zero? ? "without log" : "with log",
                             keeper: broker == "redis" ? "Redis" : "the server", **median))
    end

    def memory
      stage = Stage.new("redis")
      before = stage.redis.used_memory
      (@scopes * EVENTS_A_SCOPE).times do |number|
        Atr.publish("post.created", RECORD, scope: "organization.#{number % @scopes}")
        stage.flush if (number % WAVE).zero?
      end
      stage.flush
      used = stage.redis.used_memory - before
      format("Redis keeps %<scopes>d scopes of %<events>d events in %<mib>d MiB: %<kib>.1f KiB a scope",
             scopes: @scopes, events: EVENTS_A_SCOPE, mib: used >> 20, kib: used / 1024.0 / @scopes)
    ensure
      stage&.stop
    end
  end
end
