# frozen_string_literal: true

module Atr
  # Gives back the database connections that the current thread has taken from ActiveRecord's pools. Rails' executor does so
  # for a Rails app; this does it for a program without Rails, and for what a job took outside the executor.
  #
  # @api private
  module DatabaseConnections
    module_function

    # As Rails' executor, it leaves a connection that is inside a transaction: that is a test's, shared over threads.
    #
    # @return [void]
    def release
      pools.each do |pool|
        connection = pool.active_connection?
        pool.release_connection if connection && !connection.transaction_open?
      end
    end

    # @return [Integer, nil] how many connections the app's pool allows; nil where there is no database
    def pool_size
      ::ActiveRecord::Base.connection_pool.size if defined?(::ActiveRecord::Base)
    rescue ::ActiveRecord::ActiveRecordError
      nil
    end

    def pools
      return [] unless loaded?

      handler = ::ActiveRecord::Base.connection_handler
      # The first until ActiveRecord 7.1, the second from then on. Comparing versions would take longer than the call.
      handler.respond_to?(:all_connection_pools) ? handler.all_connection_pools : handler.connection_pool_list(:all)
    end

    # Who has not loaded it has taken no connection from it.
    def loaded?
      defined?(::ActiveRecord::Base) && !::ActiveRecord.autoload?(:Base)
    end
  end
end
