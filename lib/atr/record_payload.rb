# frozen_string_literal: true

require "active_support/core_ext/object/json"
require_relative "attribute_filter"

module Atr
  # Makes of a record what may go out: a Hash of its attributes, as they will be in the JSON. These are the model's
  # `publishable_attributes`, or all that its filters do not hide.
  #
  # @api private
  class RecordPayload
    # @param record [Object] with attributes; anything else, as the payload of {Atr.publish}, is taken as it is
    def initialize(record)
      @record = record
      @class = record.class
    end

    # @return [Hash{String => Object}] or, for what has no attributes, its JSON form
    def to_h
      return @record.as_json unless attributes?

      # As ActiveModel::Serialization reads them.
      names.to_h { |name| [name, json(name, @record.__send__(name))] }
    end

    # @param changes [Hash{String => Array}] old and new value by attribute
    # @return [Hash{String => Array}] those that may go out
    def changes(changes)
      return changes.as_json unless attributes?

      visible = changes.to_h.transform_keys(&:to_s).slice(*names)
      visible.to_h { |name, values| [name, values.map { |value| json(name, value) }] }
    end

    private

    def attributes?
      @record.respond_to?(:attributes) && !@record.is_a?(Hash)
    end

    # Names that the model lists are meant to go out, whatever they are called.
    def listed
      @listed ||= @class.respond_to?(:publishable_attributes) ? @class.publishable_attributes : []
    end

    def names
      @names ||= listed.empty? ? visible_names : listed
    end

    def visible_names
      all = @record.respond_to?(:attribute_names) ? @record.attribute_names : @record.attributes.keys.map(&:to_s)
      hidden, visible = filter.partition(all)
      say_hidden(hidden) unless hidden.empty?
      visible
    end

    # Rails 8 hides `email` by default, so that somebody may wonder where it is.
    def say_hidden(names)
      return unless Atr.environment == "development"

      Logging.once(:hidden_attributes, @class.name) do
        Atr.logger.info do
          "atr: events of #{@class.name} leave out #{names.sort.join(", ")}, as its filter_attributes say; " \
            "`publishable_attributes` lists what is to go out instead"
        end
      end
    end

    def filter
      @filter ||= AttributeFilter.for(@class)
    end

    def json(name, value)
      # Most values are JSON already; they have nothing inside that a filter could hide.
      return value if plain?(value) && (!listed.empty? || filter.plain?)

      value = value.as_json
      listed.empty? ? filter.call(name, value) : value
    end

    def plain?(value)
      case value
      when String, Integer, true, false, nil then true
      else false
      end
    end
  end
end
