# frozen_string_literal: true

$LOAD_PATH.unshift(File.expand_path("../../../../lib", __dir__))
require "atr"

module Bench
  class Soak
    # Publishes numbered events with the gem's own publisher, on a thread. `n` counts all events of a scope; `calm` only those
    # that must reach everybody, and is 0 for the others (see bench/src/bin/churn/steady.rs).
    class Feed
      MODES = %i[silent calm storm].freeze
      TICK_SECONDS = 0.025
      # Every so many ticks a burst.
      BURST_EVERY = 80
      BURST = 100
      # For those who do not read: enough in a few seconds to fill the kernel's buffers and an outbox.
      FLOOD = { text: "x" * 24_000 }.freeze

      # Calm events that were published, by scope.
      attr_reader :calm
      attr_reader :published

      def initialize(redis, scopes:)
        Atr.config.broker = "redis"
        Atr.config.redis_url = redis.url
        Atr.config.logger = Logger.new(File.join(Child.directory, "publisher.log"))
        @scopes = scopes
        @calm = Array.new(scopes, 0)
        @all = Array.new(scopes, 0)
        @published = 0
        @mode = :silent
        @lock = Mutex.new
        @thread = Thread.new { run }
        @thread.report_on_exception = false
      end

      # When this returns, nothing is published any more in the mode before.
      def mode=(mode)
        raise ArgumentError, mode unless MODES.include?(mode)

        @lock.synchronize { @mode = mode }
        # What broke the feed broke the soak.
        @thread.join unless @thread.alive?
      end

      # @return [Boolean] whether Redis has answered for all that was published
      def flush
        Atr.flush(20)
      end

      # @return [Hash{Symbol => Integer}]
      def stats
        Atr.publisher.stats
      end

      private

      def run
        (1..).each do |tick|
          @lock.synchronize { publish(tick) }
          sleep TICK_SECONDS
        end
      end

      def publish(tick)
        return if @mode == :silent

        count = (tick % BURST_EVERY).zero? ? BURST : 1
        @scopes.times { |scope| count.times { publish_event(scope) } }
        Atr.publish("soak.flood", FLOOD, scope: "flood")
      end

      # A number is used up only by an event that was taken.
      def publish_event(scope)
        calm = @mode == :calm ? @calm[scope] + 1 : 0
        taken = Atr.publish("soak.tick", { n: @all[scope] + 1, calm: calm }, scope: "soak.#{scope}")
        raise "the publisher does not take events though Redis is well" unless taken || calm.zero?
        return unless taken

        @published += 1
        @all[scope] += 1
        @calm[scope] = calm if calm.positive?
      end
    end
  end
end
