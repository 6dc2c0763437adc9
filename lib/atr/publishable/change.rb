# frozen_string_literal: true

require_relative "../transactions"
require_relative "row_history"

module Atr
  module Publishable
    # One save of one record, in the transaction in which it happened. An undone one still counts: the instance in memory may
    # go on showing its values, and only this knows better.
    #
    # @api private
    class Change < Transactions::Participant
      # @return [ActiveRecord::Base]
      attr_reader :record
      # @return [String] created, updated or destroyed
      attr_reader :action
      # @return [Hash{String => Array}] old and new value by attribute
      attr_reader :changes
      # @return [Array] the same for all instances of a row: all its changes are published together
      attr_reader :group

      class << self
        # @param record [Publishable]
        # @param action [String]
        # @return [void]
        def note(record, action)
          # Not so when the row was gone already; Rails calls nothing back then, either.
          new(record, action, record.saved_changes).enlist if record.trigger_transactional_callbacks?
        end

        # @param record [Publishable]
        # @return [void]
        def note_touch(record)
          new(record, "updated", touched(record), touch: true).enlist if record.trigger_transactional_callbacks?
        end

        private

        # A touch that Rails has put off (`belongs_to touch: true`) leaves there the changes of the save before.
        def touched(record)
          changes = record.saved_changes
          changes.all? { |name, (_, new)| record.attribute_in_database(name) == new } ? changes : {}
        end
      end

      # @param record [ActiveRecord::Base]
      # @param action [String]
      # @param changes [Hash{String => Array}]
      # @param touch [Boolean] whether it counts also where `changes` does not know what it changed
      def initialize(record, action, changes, touch: false)
        super(Transactions.connection_of(record.class))
        @record = record
        @action = action
        @changes = changes.to_h
        @touch = touch
        @group = [record.class.base_class, record.id]
      end

      def touch?
        @touch
      end

      # @param changes [Array<Change>] all of the row, also the undone ones
      # @return [void]
      def publish(changes)
        lives = changes.slice_before { |change| change.action == "created" && !change.undone? }
        lives.each { |life| RowHistory.new(life).publish }
      end
    end
  end
end
