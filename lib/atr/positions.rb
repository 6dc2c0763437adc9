# frozen_string_literal: true

require_relative "logging"
require_relative "scope_parts"

module Atr
  # Finds where the logs of scopes end, for {Atr.position} and {Atr.positions}.
  #
  # @api private
  module Positions
    module_function

    # @param scopes [Array<String, Array, nil>]
    # @return [Hash{String => String, nil}] positions by the scopes' names; without what is no scope
    def of(scopes)
      names = scopes.filter_map { |scope| ScopeParts.name(scope) || refuse(scope) }.uniq
      names.empty? ? {} : Atr.publisher.positions(names)
    end

    # What makes a scope may be a user's: a page is rendered all the same.
    def refuse(scope)
      Logging.once(:no_scope) do
        Atr.logger.warn { "atr: #{scope.inspect} can be no scope, so it has no position (said once)" }
      end
      nil
    end
  end
end
