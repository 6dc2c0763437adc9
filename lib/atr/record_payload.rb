# frozen_string_literal: true

require "active_support/core_ext/object/json"
require_relative "attribute_filter"
require_relative "attribute_list"
require_relative "timestamp"

module Atr
  # Makes of a record what may go out: a Hash of its attributes, as they will be in the JSON. These are the model's
  # `publishable_attributes`, or all that its filters do not hide.
  #
  # @api private
  class RecordPayload
    # Where a class says that all its instances have attributes.
    KNOWN = :@atr_has_attributes
    private_constant :KNOWN

    # @param record [Object] with attributes; anything else, as the payload of {Atr.publish}, is taken as it is
    def initialize(record)
      @record = record
      @class = record.class
    end

    # @return [Hash{String => Object}] or, for what has no attributes, its JSON form
    def to_h
      return @record.as_json unless attributes?

      plain = rule.plain?
      readers.transform_values do |reader|
        # As ActiveModel::Serialization reads them.
        value = @record.__send__(reader)
        # Most values are JSON already; they have nothing inside that a filter could hide.
        plain && plain?(value) ? value : json(reader.name, value)
      end
    end

    # @param changes [Hash{String => Array}] old and new value by attribute
    # @return [Hash{String => Array}] those that may go out
    def changes(changes)
      return changes.as_json unless attributes?

      visible = changes.to_h.transform_keys(&:to_s).slice(*readers.keys)
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

    # @return [Boolean] whether it has any; what has none, as a Hash, is taken as it is
    def attributes?
      return @attributes unless @attributes.nil?

      @attributes = @class.instance_variable_get(KNOWN) || find_attributes
    end

    private

    # A model has so many ancestors that asking takes long. What a class gives all its instances is asked once.
    def find_attributes
      found = @record.respond_to?(:attributes) && !@record.is_a?(Hash)
      @class.instance_variable_set(KNOWN, true) if found && @class.public_method_defined?(:attributes)
      found
    end

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

    def rule
      @rule ||= listed.empty? ? AttributeFilter.for(@class) : AttributeList.for(@class, listed)
    end

    def listed
      @class.respond_to?(:publishable_attributes) ? @class.publishable_attributes : []
    end

    def readers
      @readers ||= begin
        hidden, readers = rule.partition(@record)
        say_hidden(hidden) unless hidden.empty?
        readers
      end
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

    def json(name, value)
      rule.call(name, Timestamp.json(value))
    end

    def plain?(value)
      case value
      when String, Integer, true, false, nil then true
      else false
      end
    end
  end
end
