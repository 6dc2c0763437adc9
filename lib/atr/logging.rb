# frozen_string_literal: true

require "logger"
require "time"
require_relative "rails_app"

module Atr
  # Makes the logger, and says once what need not be said again.
  #
  # @api private
  module Logging
    FORMAT = ->(severity, time, _, message) { "#{time.utc.iso8601(3)} #{severity.ljust(5)} #{message}\n" }

    @said = {}
    @lock = Mutex.new

    class << self
      # @param config [Config]
      # @return [Logger] the configured one, else Rails', else one for the standard error stream
      def logger(config)
        given = config.logger || RailsApp.logger || standard_error
        level = config.log_level
        return given if level.nil? || !given.respond_to?(:level=)

        # A copy writes to the same place; the app's own lines keep their level.
        given.dup.tap { |logger| logger.level = level }
      end

      # Yields the first time only, whichever thread comes first.
      #
      # @param about [Object] what it is about; compared by `eql?`
      def once(*about)
        first = @lock.synchronize { !@said.key?(about) && (@said[about] = true) }
        yield if first
      end

      # @return [void]
      def forget
        @lock.synchronize { @said.clear }
      end

      private

      def standard_error
        ::Logger.new($stderr, level: ::Logger::INFO, formatter: FORMAT)
      end
    end
  end
end
