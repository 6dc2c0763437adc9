# frozen_string_literal: true

require_relative "names"

module Atr
  # The parts that a scope is made of, names and values in turn: `["organization", 1234]` is `organization.1234`. A value with a
  # dot in it, which a user may have typed, must not become two values: with "a.id.7", `["slug", slug]` would be the scope of
  # `["slug", "a", "id", 7]`.
  #
  # @api private
  module ScopeParts
    module_function

    # @param parts [Array]
    # @return [Array<Integer, nil>] where the first empty part is, and the first value with a dot
    def flaws(parts)
      texts = parts.map { |part| [part].join(".") }
      [texts.index(&:empty?), texts.each_index.find { |index| index.odd? && texts[index].include?(".") }]
    end

    # @param scope [String, Array, nil] a scope or its parts; nil and "" are the unscoped events'
    # @return [String, nil] its name; nil when it can be none
    def name(scope)
      return if scope.is_a?(Array) && flaws(scope).any?

      name = scope.is_a?(Array) ? scope.join(".") : scope.to_s
      name if Names.valid_scope?(name)
    end
  end
end
