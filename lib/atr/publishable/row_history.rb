# frozen_string_literal: true

require_relative "publication"
require_relative "row_copy"

module Atr
  module Publishable
    # What one transaction did to one row, through however many instances: which event that is, which changes it made, and a
    # record that says what was committed.
    #
    # An instance may say something else. It may have been loaded before another one changed the row, have been changed again
    # without a save, or show what a rolled-back savepoint has undone (Rails restores that only sometimes). A wrong scope would
    # be a wrong tenant. So each value is taken from the last save that changed it; then from before a save that was undone;
    # then from what the instance has loaded. An instance that agrees is published itself, otherwise a copy that does. Reading
    # the row again would be a query in the app's time, and would not find a destroyed row, nor this state of a changed one.
    #
    # @api private
    class RowHistory
      # @param changes [Array<Change>] in order
      def initialize(changes)
        @changes = changes
        @done = changes.reject(&:undone?)
      end

      # @return [void]
      def publish
        Publication.guarded(@changes.last.record) do
          event = action
          Transactions.committed { Publication.of(record, event, changes) } if event
        end
      end

      # @return [String, nil] nil when nobody outside of the transaction can see a difference
      def action
        if destroyed? then created? ? nil : "destroyed"
        elsif created? then "created"
        elsif changes.any? || done.any?(&:touch?) then "updated"
        end
      end

      # @return [Hash{String => Array}] old and new value of each attribute that is different now
      def changes
        changed_names.to_h { |name| [name, [before(name), after(name)]] }.reject { |_, (old, new)| old == new }
      end

      # @return [ActiveRecord::Base] an instance that says what was committed
      def record
        instances = done.map(&:record).uniq(&:__id__)
        instances.reverse.find { |instance| agrees?(instance) } ||
          RowCopy.new(instances.last, destroyed: destroyed?, changes:).build { |name| value(name, instances.last) }
      end

      private

      attr_reader :done

      def created?
        done.any? { |change| change.action == "created" }
      end

      def destroyed?
        done.any? { |change| change.action == "destroyed" }
      end

      def agrees?(instance)
        return false if instance.has_changes_to_save? || instance.destroyed? != destroyed?

        names = @changes.flat_map { |change| change.changes.keys }.uniq
        names.all? { |name| instance.attribute_in_database(name) == value(name, instance) }
      end

      def value(name, instance)
        if changed_names.include?(name)
          after(name)
        elsif (undone = @changes.find { |change| change.undone? && change.changes.key?(name) })
          undone.changes[name].first
        else
          instance.attribute_in_database(name)
        end
      end

      def changed_names
        @changed_names ||= done.flat_map { |change| change.changes.keys }.uniq
      end

      # An undone save counts here: it, too, saw what was there before the transaction.
      def before(name)
        @changes.find { |change| change.changes.key?(name) }.changes[name].first
      end

      def after(name)
        done.reverse.find { |change| change.changes.key?(name) }.changes[name].last
      end
    end
  end
end
