# frozen_string_literal: true

module Atr
  # Carries log lines of native code to a Logger, on a thread of its own: native threads never call Ruby.
  #
  # @api private
  class LogPump
    LEVELS = %i[debug info warn error].freeze

    # Starts at once.
    #
    # @param source [#next_log] gives `[level, line]`, waiting for it, and nil when no more will come
    # @param logger [Logger]
    def initialize(source, logger)
      @source = source
      @logger = logger
      @thread = Thread.new { run }.tap { |thread| thread.name = "atr.log" }
    end

    # Waits for the last line, and gives up after a while.
    #
    # @param timeout_seconds [Float]
    # @return [Boolean] whether all lines were written
    def stop(timeout_seconds)
      return true if @thread.join(timeout_seconds)

      @thread.kill
      false
    end

    private

    def run
      while (level, line = @source.next_log)
        write(level, line)
      end
    end

    # A logger that fails, as on a full disk, must not end the thread: native code would have nowhere to write to.
    def write(level, line)
      @logger.public_send(LEVELS.include?(level) ? level : :info, "atr: #{line}")
    rescue StandardError => e
      warn "atr: the log failed (#{e.class}): #{line}"
    end
  end
end
