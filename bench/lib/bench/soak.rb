# frozen_string_literal: true

require "net/http"
require_relative "kinds"
require_relative "redis"
require_relative "soak/clients"
require_relative "soak/feed"
require_relative "soak/trouble"
require_relative "soak/vitals"

module Bench
  # Minutes of churn against a real server: clients come and go in every way, some never read, Redis dies, hangs and comes back.
  # Meanwhile a few clients stay and may miss nothing that is published while Redis is well.
  class Soak
    SCOPES = 4
    PATIENCE_SECONDS = 30
    LINE = "%<s>5d s  %<rss>7d KiB  %<threads>3d threads  %<fds>4d descriptors  " \
           "%<came>7d clients came  %<events>9d events seen   %<after>s"

    # Small outboxes, short deadlines: so that every limit is met in minutes.
    SERVER_OPTIONS = %W[
      --require=#{Tools.server("soak.rb")} --outbox_bytes=262144 --max_event_bytes=262144 --subscription_grace_seconds=1
      --ping_interval_seconds=5 --head_timeout_seconds=1
    ].freeze

    # @param seconds [Integer] how long to go on
    # @param calm_seconds [Float] of each cycle before trouble, and after it
    # @param say [#call] told what happens
    def initialize(seconds:, calm_seconds:, say: ->(line) { puts line })
      @seconds = seconds
      @calm_seconds = calm_seconds
      @say = say
      @faults = []
    end

    # @return [Boolean] whether all went well
    def run
      begin_all
      deadline = now + @seconds
      cycle while @faults.empty? && (now < deadline || @vitals.samples.size <= Vitals::SETTLING)
      report
    ensure
      @clients&.close
      @server&.stop
    end

    private

    def begin_all
      Machine.raise_file_limit
      @redis = Redis.new
      @server = Child.new("atr", Kinds.atr_command(@redis, "atr", *SERVER_OPTIONS))
      listening = @server.wait_for_output(/listening on (\S+:\d+), admin on (\S+:\d+)/)
      @admin = listening[2]
      @clients = Clients.new(listening[1], scopes: SCOPES)
      @clients.stay
      wait_until("the clients that stay are connected") { check && @clients.status.open == Clients::STEADY }
      @feed = Feed.new(@redis, scopes: SCOPES)
      @trouble = Trouble.new(@redis)
      @vitals = Vitals.new(Meter.new(@server.pid))
      sample("start")
    end

    def cycle
      @clients.come
      calm
      @feed.mode = :storm
      what = @trouble.make
      recover
      calm
      @clients.go
      sample(what)
    end

    # Events that must reach everybody, and the wait until they have.
    def calm
      @feed.mode = :calm
      sleep @calm_seconds
      @feed.mode = :silent
      wait_until("Redis has all events") { @feed.flush }
      wait_until("everybody has all events") { check && @clients.status.calm == @feed.calm }
    end

    # The outage is over when the server says so and is subscribed. It may find out only now that Redis had been stopped.
    def recover
      sleep 1
      wait_until("the server is ready again") { ready? && subscribed? }
      @feed.mode = :silent
      wait_until("the publisher has settled its queue") { @feed.flush }
    end

    def ready?
      host, port = @admin.split(":")
      Net::HTTP.get_response(host, "/-/ready", port.to_i).is_a?(Net::HTTPOK)
    end

    def subscribed?
      SCOPES.times.all? { |scope| @redis.subscribers("atr:{soak.#{scope}}").positive? }
    end

    def check
      status = @clients.status
      @faults = status.faults.first(20)
      @faults << "the server ended:\n#{@server.output}" unless @server.alive?
      raise Child::Failed, @faults.join("\n") if @faults.any?

      true
    end

    def wait_until(what)
      deadline = now + PATIENCE_SECONDS
      until yield
        raise Child::Failed, "not after #{PATIENCE_SECONDS} s: #{what}" if now > deadline

        sleep 0.05
      end
    end

    def sample(after)
      vitals = @vitals.take
      check
      status = @clients.status
      @say.call(format(LINE, s: vitals.seconds, rss: vitals.rss / 1024, threads: vitals.threads, fds: vitals.descriptors,
                             came: status.came, events: status.events, after: after))
    end

    def report
      status = @clients.status
      cut_off = @server.output.scan(/(\d+) clients were cut off/).sum { |count,| count.to_i }
      @say.call("")
      @say.call("#{@feed.published} events published, #{@feed.stats.values_at(:lost, :dropped_full).sum} of them lost in outages")
      @say.call("#{status.came} clients came: #{status.refused} refused as they should be, #{cut_off} cut off for not reading, " \
                "#{status.failed} could not connect")
      growth = @vitals.growth
      @say.call(growth.empty? ? "flat: yes" : "flat: NO: #{growth.join(", ")}")
      @say.call("every client that stayed had every event that was published while Redis was well, once and in order")
      growth.empty?
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
