# frozen_string_literal: true

require_relative "participant"

module Atr
  module Transactions
    # Calls a block after the commit of the transaction in which it was enlisted, and of those that are open then.
    #
    # @api private
    class Waiting < Participant
      def initialize(connection, block)
        super(connection)
        @block = block
      end

      # It is published by itself.
      def group
        self
      end

      def publish(_group)
        Transactions.after_commit(&@block)
      end
    end
  end
end
