# frozen_string_literal: true

require_relative "publication"

module Atr
  module Publishable
    # A change of a record that is none of ActiveRecord's: there is no transaction to wait for, or its class has waited.
    #
    # @api private
    module PlainChange
      module_function

      # @param record [Publishable]
      # @param action [String]
      # @return [void]
      def publish(record, action)
        Publication.guarded(record) do
          changes = changes_of(record)
          Publication.of(record, action, changes || {}) unless action == "updated" && changes && changes.empty?
        end
      end

      # In a callback some classes have them still in `changes`, others in `previous_changes` already.
      #
      # @return [Hash, nil] nil for a class that does not know
      def changes_of(record)
        return unless record.respond_to?(:changes)

        changes = record.changes
        changes.empty? && record.respond_to?(:previous_changes) ? record.previous_changes : changes
      end
    end
  end
end
