# frozen_string_literal: true

module Atr
  # Lets those attributes of a record into events that its model lists, whatever they are called: what is asked in place of an
  # {AttributeFilter} where the model has `publishable_attributes`.
  #
  # @api private
  class AttributeList
    # @param klass [Class] of the record
    # @param names [Array<String>]
    # @return [AttributeList] the one that belongs to it, made anew when it lists something else
    def self.for(klass, names)
      known = klass.instance_variable_get(:@atr_attribute_list)
      return known if known && known.names == names

      klass.instance_variable_set(:@atr_attribute_list, new(names))
    end

    # @return [Array<String>]
    attr_reader :names

    # @param names [Array<String>]
    def initialize(names)
      @names = names.dup.freeze
      @answer = [[].freeze, @names.to_h { |name| [name, name.to_sym] }.freeze].freeze
    end

    # @return [Array(Array<String>, Hash{String => Symbol})] as {AttributeFilter#partition}: nothing is hidden
    def partition(_record)
      @answer
    end

    # @return [Boolean] as {AttributeFilter#plain?}
    def plain?
      true
    end

    # @return [Object] as {AttributeFilter#call}: the value
    def call(_name, value)
      value
    end
  end
end
