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

    # @param changes [Hash{String => Array}]
    # @return [Boolean] whether an attribute of the record's publication scope is among them
    def moved?(changes)
      return false unless attributes? && @class.respond_to?(:publication_scopes)

      scopes = @class.publication_scopes.map(&:to_s)
      scopes |= @class.attribute_aliases.values_at(*scopes).compact if @class.respond_to?(:attribute_aliases)
      changes.to_h.each_key.any? { |name| scopes.include?(name.to_s) }
    end

    # @param hashes [Array<Hash>] values by attribute
    # @return [Array<String>] the attributes whose values are not text, as bytes of a picture
    def unreadable(*hashes)
      return [] unless attributes?

      hashes.flat_map { |hash| hash.reject { |_, value| readable?(value) }.keys }.uniq
    end

    private

    def readable?(value)
      case value
      when String then text?(value)
      when Hash then value.all? { |pair| readable?(pair) }
      when Array then value.all? { |element| readable?(element) }
      else true
      end
    end

    # As JSON sees it: bytes without an encoding may be UTF-8.
    def text?(string)
      string = string.encoding == Encoding::BINARY ? string.dup.force_encoding("UTF-8") : string.encode("UTF-8")
      string.valid_encoding?
    rescue EncodingError
      false
    end

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
