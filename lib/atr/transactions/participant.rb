# frozen_string_literal: true

require "concurrent/atomic/atomic_fixnum"
require_relative "batch"

module Atr
  module Transactions
    # Takes part in a transaction of ActiveRecord as records do: it is added to the current one, goes with it into the outer
    # transaction when a savepoint is released, and is told of commit or rollback. What has a savepoint rolled back stays in
    # the outer transaction, as undone.
    #
    # These are the methods that ActiveRecord (6.1 to 8) calls on what `add_transaction_record` was given. They are stable:
    # other gems (after_commit_everywhere) rely on them too. Rails' own `after_commit` does not do, because it calls back
    # just one of the instances of a row (which one depends on the version), and tells nothing of savepoints.
    #
    # @api private
    class Participant
      NUMBERS = Concurrent::AtomicFixnum.new
      private_constant :NUMBERS

      # @return [Integer] grows in the order in which things were done
      attr_reader :number
      # @return [Batch] all that commits together with this, as far as it is known
      attr_accessor :batch

      # @param connection [ActiveRecord::ConnectionAdapters::AbstractAdapter]
      def initialize(connection)
        @connection = connection
        @number = NUMBERS.increment
        @undone = false
      end

      # @return [Boolean] whether the savepoint that it belonged to was rolled back
      def undone?
        @undone
      end

      # @return [void]
      def enlist
        return batch_of_its_own.publish unless connection.current_transaction.open?

        Batch.of(connection).add(self)
        connection.add_transaction_record(self)
      end

      # The transaction is about to commit, and is still the current one. What was done in a savepoint joins it now; what is
      # done later, by callbacks of other records, joins when it is enlisted.
      def before_committed!
        Batch.of(connection).tap { |all| all.add(self) unless batch.equal?(all) }.begin_commit
      end

      # Also called when a callback of another record has raised, which does not undo the commit.
      def committed!(**)
        batch.commit
      end

      # Where it was just a savepoint, the transaction around it is the current one now.
      def rolledback!(**)
        batch.withdraw
        @undone = true
        enlist
      end

      # Otherwise Rails would think that there is nothing to tell.
      def trigger_transactional_callbacks?
        true
      end

      private

      attr_reader :connection

      def batch_of_its_own
        Batch.new(connection).add(self)
      end
    end
  end
end
