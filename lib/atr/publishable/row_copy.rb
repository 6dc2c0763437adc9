# frozen_string_literal: true

module Atr
  module Publishable
    # Makes a record that says what a transaction committed, when none of the app's instances does. Its `saved_changes` are
    # those of the whole transaction.
    #
    # @api private
    class RowCopy
      # @param instance [ActiveRecord::Base] the model for it
      # @param destroyed [Boolean]
      # @param changes [Hash{String => Array}]
      def initialize(instance, destroyed:, changes:)
        @class = instance.class
        @names = instance.attribute_names | changes.keys
        @destroyed = destroyed
        @changes = changes.except(*fixed)
      end

      # @yieldparam name [String] of an attribute
      # @yieldreturn [Object] its committed value
      # @return [ActiveRecord::Base]
      def build
        values = @names.to_h { |name| [name, @changes.key?(name) ? @changes[name].first : yield(name)] }
        copy = @class.instantiate(values.to_h { |name, value| [name, @class.type_for_attribute(name).serialize(value)] })
        @changes.each { |name, (_, value)| copy[name] = value }
        copy.changes_applied
        @destroyed ? destroyed(copy) : copy
      end

      private

      # What cannot be assigned to a record that is there, or decides which class it is of.
      def fixed
        [*@class.readonly_attributes, @class.inheritance_column]
      end

      # There is no other way to say so without a DELETE.
      def destroyed(copy)
        copy.instance_variable_set(:@destroyed, true)
        copy.freeze
      end
    end
  end
end
