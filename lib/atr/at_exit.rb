# frozen_string_literal: true

module Atr
  # Sends what is still queued when the process ends, and says what was not sent.
  #
  # @api private
  module AtExit
    @lock = Mutex.new

    class << self
      # Registers the flush, once: a forked child inherits it, and flushes only what it has published itself.
      #
      # @return [void]
      def flush
        @lock.synchronize do
          next if @registered

          @registered = true
          at_exit { run }
        end
      end

      private

      def run
        Atr.flush
        missing = Atr.publisher.stats.slice(:queued, :lost, :dropped_full).select { |_, count| count.positive? }
        return if missing.empty?

        reasons = missing.map { |reason, count| "#{reason} #{count}" }.join(", ")
        Atr.logger.warn { "atr: #{missing.values.sum} events of this process were not published (#{reasons})" }
      rescue *Publisher::FAILURES => e
        warn "atr: the flush at exit failed: #{e.class}: #{e.message}"
      end
    end
  end
end
