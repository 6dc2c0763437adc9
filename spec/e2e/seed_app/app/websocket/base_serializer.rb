# frozen_string_literal: true

# What the seed's serializers inherit from: of ActiveModel::Serializers as much as they use.
class BaseSerializer
  include ActionView::Helpers::DateHelper

  class_attribute :root, :attribute_names, default: nil

  def self.attributes(*names)
    self.attribute_names = names.uniq
    names.each { |name| define_method(name) { object.public_send(name) } unless method_defined?(name) }
  end

  attr_reader :object

  def initialize(object)
    @object = object
  end

  def as_json(*)
    attribute_names.to_h { |name| [name, public_send(name)] }.as_json
  end

  def to_json(*)
    as_json.to_json
  end
end
