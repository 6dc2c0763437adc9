# frozen_string_literal: true

require_relative "../database_connections"

module Atr
  class Server
    # Says at the start what is allowed but may not be meant.
    #
    # @api private
    class BootNotes
      # @param config [Config]
      # @param logger [Logger]
      # @param production [Boolean]
      def initialize(config, logger:, production:)
        @config = config
        @logger = logger
        @production = production
      end

      # @return [void]
      def log
        note_open_door unless @config.authenticate?
        warn_of_small_pool if @config.authenticate? || @config.scope?
      end

      private

      def note_open_door
        @logger.public_send(@production ? :warn : :info, "atr: no authenticate_with is configured: everybody is admitted")
      end

      def warn_of_small_pool
        pool = DatabaseConnections.pool_size
        return if pool.nil? || @config.gate_threads <= pool

        @logger.warn("atr: gate_threads is #{@config.gate_threads}, but the database pool allows #{pool} connections: " \
                     "set `pool` in config/database.yml to at least #{@config.gate_threads}")
      end
    end
  end
end
