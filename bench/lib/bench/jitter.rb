# frozen_string_literal: true

require_relative "stage"

module Bench
  # Clients that are cut off for 2 s about every 15 s while two events a second are published; in some cases Redis and the server
  # are killed meanwhile.
  class Jitter
    EVERY_SECONDS = 15
    AWAY_SECONDS = 2
    EVENTS_A_SECOND = 2
    # How long a Redis or a server that was killed is missed.
    DEAD_SECONDS = 3

    LINE = "%-17<name>s delivered %<percent>6.2f %%  duplicates %<duplicates>d  out of order %<disordered>d  reset %<told>d clients  " \
           "missed something %<lossy>d, of these untold %<untold>d  (%<reconnects>d reconnects)  %<verdict>s"

    # `kills`: what is killed, at which part of the time. `keeps`: nothing may be lost, so that nobody may be told of a loss.
    Case = Struct.new(:name, :broker, :aof, :kills, :keeps, keyword_init: true)

    KILL_BOTH = { 0.25 => :redis, 0.5 => :server, 0.75 => :redis }.freeze
    CASES = [
      Case.new(name: "memory", broker: "memory", kills: {}, keeps: true),
      Case.new(name: "redis", broker: "redis", kills: {}, keeps: true),
      Case.new(name: "redis-aof-killed", broker: "redis", aof: true, kills: KILL_BOTH, keeps: true),
      Case.new(name: "redis-killed", broker: "redis", kills: KILL_BOTH, keeps: false),
      Case.new(name: "memory-killed", broker: "memory", kills: { 0.5 => :server }, keeps: false)
    ].to_h { |a_case| [a_case.name, a_case] }.freeze

    def initialize(clients:, seconds:, only: nil, say: ->(line) { puts line })
      @clients = clients
      @seconds = seconds
      @say = say
      @cases = (only || CASES.keys).map { |name| CASES[name] || raise(ArgumentError, "there is no case #{name}") }
    end

    # @return [Boolean] whether every promise was kept
    def run
      @say.call("#{@clients} clients, each away for #{AWAY_SECONDS} s about every #{EVERY_SECONDS} s, " \
                "#{EVENTS_A_SECOND} events/s for #{@seconds} s")
      @cases.map { |a_case| report(a_case, play(a_case)) }.all?
    end

    private

    def play(a_case)
      stage = Stage.new(a_case.broker, aof: a_case.aof)
      clients = Resumers.new(stage.url, clients: @clients)
      clients.connect
      clients.drop(every: EVERY_SECONDS, away: AWAY_SECONDS)
      publish_for_a_while(stage, a_case)
      clients.calm
      # What is published now reaches everybody, and shows who has it all.
      stage.flush
      last = stage.publish
      stage.flush
      clients.wait(last)
    ensure
      clients&.close
      stage&.stop
    end

    def publish_for_a_while(stage, a_case)
      killing = a_case.kills.map { |part, what| Thread.new { sleep(part * @seconds) && kill(stage, what) } }
      killing.each { |thread| thread.report_on_exception = false }
      begun = now
      (@seconds * EVENTS_A_SECOND).times do |count|
        sleep([begun + (count.to_f / EVENTS_A_SECOND) - now, 0].max)
        stage.publish
      end
      killing.each(&:join)
    end

    def kill(stage, what)
      case what
      when :redis
        stage.redis.child.kill
        sleep DEAD_SECONDS
        stage.redis.start
      when :server
        stage.kill_server
        sleep DEAD_SECONDS
        stage.start_server
      end
    end

    def report(a_case, ledger)
      delivered = ledger[:delivered] * 100.0 / ledger[:expected]
      @say.call(format(LINE, name: a_case.name, percent: delivered, verdict: kept?(a_case, ledger) ? "ok" : "BROKEN", **ledger))
      kept?(a_case, ledger)
    end

    def kept?(a_case, ledger)
      sound = %i[duplicates disordered untold].all? { |name| ledger[name].zero? }
      whole = ledger[:complete] == 1 && ledger[:lossy].zero? && ledger[:told].zero?
      sound && (whole || !a_case.keeps)
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
