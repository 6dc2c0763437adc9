# frozen_string_literal: true

require "active_support"
require "active_support/parameter_filter"

module Atr
  # Leaves out of events what the model hides from logs: its `filter_attributes`, which Rails fills from
  # `config.filter_parameters` and reads as ActiveSupport::ParameterFilter does (parts of names, regexps, keys of nested
  # hashes, blocks). Rails masks such values; here they are not there at all.
  #
  # @api private
  class AttributeFilter
    # What stands in the place of a hidden value until it is taken out; no value is the same object.
    MASK = Object.new.freeze
    # For a class that says nothing, as outside of Rails: what a new Rails app filters, but for `email`.
    DEFAULT = %w[passw secret token _key crypt salt certificate otp ssn].freeze

    class << self
      # @param klass [Class] of the record
      # @return [AttributeFilter] the one that belongs to it, made anew when its filters have changed
      def for(klass)
        filters = filters_of(klass)
        known = klass.instance_variable_get(:@atr_attribute_filter)
        return known if known && known.filters == filters

        klass.instance_variable_set(:@atr_attribute_filter, new(filters))
      end

      private

      def filters_of(klass)
        filters = klass.filter_attributes if klass.respond_to?(:filter_attributes)
        filters.nil? || filters.empty? ? DEFAULT : filters
      end
    end

    # @return [Array] what ParameterFilter takes
    attr_reader :filters

    # @param filters [Array]
    def initialize(filters)
      @filters = filters.dup.freeze
      @filter = ActiveSupport::ParameterFilter.new(@filters, mask: MASK)
      # Blocks change values, so they say nothing about a name.
      @blocks, named = @filters.partition { |filter| filter.is_a?(Proc) }
      @names = ActiveSupport::ParameterFilter.new(named, mask: MASK)
      @hidden = {}
    end

    # Nearly all records of a class have the same attributes, so the last answer is kept.
    #
    # @param record [Object]
    # @return [Array(Array<String>, Hash{String => Symbol})] names of attributes that are hidden, and the methods that read
    #   those that are not
    def partition(record)
      names = record.respond_to?(:attribute_names) ? record.attribute_names : record.attributes.keys.map(&:to_s)
      known, answer = @partitioned
      return answer if known == names

      hidden, visible = names.partition { |name| hidden?(name) }
      answer = [hidden.freeze, visible.to_h { |name| [name, name.to_sym] }.freeze].freeze
      @partitioned = [names, answer].freeze
      answer
    end

    # @param name [String] of an attribute
    # @return [Boolean]
    def hidden?(name)
      @hidden.fetch(name) { @hidden[name] = @names.filter({ name => nil })[name].equal?(MASK) }
    end

    # @return [Boolean] whether values are looked into only for the names inside of them; blocks may change any value
    def plain?
      @blocks.empty?
    end

    # @param name [String] of an attribute that is not hidden
    # @param value [Object] as it will be in the JSON
    # @return [Object] the value without hidden keys
    def call(name, value)
      return value if plain? && !value.is_a?(Hash) && !value.is_a?(Array)

      without_masks(@filter.filter({ name => value })[name])
    end

    private

    def without_masks(value)
      case value
      when Hash then value.filter_map { |key, inner| [key, without_masks(inner)] unless MASK.equal?(inner) }.to_h
      when Array then value.map { |inner| without_masks(inner) }
      else value
      end
    end
  end
end
