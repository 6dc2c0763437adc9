# frozen_string_literal: true

require_relative "database_connections"
require_relative "transactions/waiting"

module Atr
  # Knows ActiveRecord's open transactions of the current thread, over all databases.
  #
  # @api private
  module Transactions
    # Fiber-local: whether what is published belongs to a transaction that is committed already.
    COMMITTED = :atr_committed
    private_constant :COMMITTED

    class << self
      # Calls the block when every open transaction is committed: at once when there is none, never when one is rolled back.
      # A transaction that cannot be joined is no app's: tests and Rails' sandbox wrap everything in one.
      #
      # @return [Object] what the block gives when it is called at once, else nil
      def after_commit(&block)
        return yield if Thread.current[COMMITTED]

        connections = DatabaseConnections.pools.filter_map(&:active_connection?)
        if (connection = connections.find { |candidate| open?(candidate) })
          Waiting.new(connection, block).enlist
          return
        end

        # This may be a callback of a commit that has not been published yet.
        connections.each { |candidate| Commits.of(candidate).drain }
        yield
      end

      # Runs the publishing of a transaction that is committed. Another database may have a transaction open, which is no
      # reason to wait: it may be rolled back, but these rows are there.
      def committed
        before = Thread.current[COMMITTED]
        Thread.current[COMMITTED] = true
        yield
      ensure
        Thread.current[COMMITTED] = before
      end

      # @param connection [ActiveRecord::ConnectionAdapters::AbstractAdapter]
      # @return [Boolean] whether what is done now can still be rolled back
      def open?(connection)
        transaction = connection.current_transaction
        transaction.open? && transaction.joinable?
      end

      # @param klass [Class] a model, of any database
      # @return [ActiveRecord::ConnectionAdapters::AbstractAdapter] the one that its open transaction is on
      def connection_of(klass)
        # From Rails 7.2 on `connection` would keep the connection for the thread; inside of a transaction both give the same.
        klass.respond_to?(:with_connection) ? klass.with_connection(&:itself) : klass.connection
      end
    end
  end
end
