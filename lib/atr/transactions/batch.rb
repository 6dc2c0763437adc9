# frozen_string_literal: true

require_relative "commits"

module Atr
  module Transactions
    # All that is to be published when one transaction is committed, in the order in which it was done.
    #
    # @api private
    class Batch
      VARIABLE = :@atr_batch
      private_constant :VARIABLE

      # The batch lives and dies with Rails' object for the transaction, whatever becomes of that.
      #
      # @param connection [ActiveRecord::ConnectionAdapters::AbstractAdapter] with an open transaction
      # @return [Batch] of its current one
      def self.of(connection)
        transaction = connection.current_transaction
        transaction.instance_variable_get(VARIABLE) || transaction.instance_variable_set(VARIABLE, new(connection, transaction))
      end

      # @param connection [ActiveRecord::ConnectionAdapters::AbstractAdapter]
      # @param transaction [ActiveRecord::ConnectionAdapters::Transaction, nil]
      def initialize(connection, transaction = nil)
        @commits = Commits.of(connection)
        @transaction = transaction
        @participants = []
        @published = false
      end

      # @param participant [Participant]
      # @return [self]
      def add(participant)
        @participants << participant
        participant.batch = self
        self
      end

      # @return [void]
      def begin_commit
        @commits.begin(self)
      end

      # @return [void]
      def commit
        @commits.begin(self) unless @published
        @commits.drain
      end

      # The commit has failed.
      #
      # @return [void]
      def withdraw
        @commits.forget(self)
      end

      def committed?
        @transaction.state.committed?
      end

      # @return [void]
      def publish
        @published = true
        # Those of a savepoint have joined when the commit began.
        participants = @participants.sort_by(&:number)
        groups = participants.group_by(&:group)
        # Those that make one event take the place of the first of them that counts.
        participants.reject(&:undone?).each { |participant| groups.delete(participant.group)&.then { |group| participant.publish(group) } }
      end
    end
  end
end
