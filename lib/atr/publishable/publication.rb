# frozen_string_literal: true

require_relative "../publisher"

module Atr
  module Publishable
    # Has a record publish one event.
    #
    # @api private
    module Publication
      module_function

      # @param record [Publishable]
      # @param action [String]
      # @param changes [Hash{String => Array}]
      # @return [void]
      def of(record, action, changes)
        return unless record.class.publishable_actions.include?(action)

        showing(record, changes) { record.__send__(:"publish_#{action}_event") }
      end

      # Whatever goes wrong in the block, the save that it is about goes on, or has succeeded.
      #
      # @param record [Publishable]
      # @return [void]
      def guarded(record)
        yield
      rescue *Publisher::FAILURES => e
        Atr.publisher.failed(e, record)
      end

      # While the app's method runs, an event made of the record finds the changes there.
      def showing(record, changes)
        return yield if record.frozen? && !record.is_a?(::ActiveRecord::Base)

        begin
          record.instance_variable_set(:@publishable_changes, changes)
          yield
        ensure
          record.remove_instance_variable(:@publishable_changes)
        end
      end
      private_class_method :showing
    end
  end
end
