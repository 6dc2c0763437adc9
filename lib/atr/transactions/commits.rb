# frozen_string_literal: true

module Atr
  module Transactions
    # Publishes the batches of one connection one after the other, in the order of their commits.
    #
    # A transaction's records are told of the commit one by one, and a callback of the first may save again, and so commit
    # again, before the second is told. Without this order the second transaction's events would overtake the first's.
    #
    # @api private
    class Commits
      VARIABLE = :@atr_commits
      private_constant :VARIABLE

      # @param connection [ActiveRecord::ConnectionAdapters::AbstractAdapter]
      # @return [Commits]
      def self.of(connection)
        connection.instance_variable_get(VARIABLE) || connection.instance_variable_set(VARIABLE, new)
      end

      def initialize
        @batches = []
        @draining = false
      end

      # @param batch [Batch] whose transaction is about to commit
      # @return [void]
      def begin(batch)
        @batches |= [batch]
      end

      # @param batch [Batch] whose transaction was rolled back
      # @return [void]
      def forget(batch)
        @batches.delete(batch)
      end

      # Publishes what is committed.
      #
      # @return [void]
      def drain
        return if @draining || @batches.empty?

        @draining = true
        begin
          while (batch = @batches.find(&:committed?))
            @batches.delete(batch)
            batch.publish
          end
        ensure
          @draining = false
        end
      end
    end
  end
end
