# frozen_string_literal: true

module Atr
  # Says which names scopes and events may have. Scope values are users' data and become part of Redis keys and of protocol
  # lines, so that what could end or split one is refused. The native library has the same rule; it is here too because
  # events are checked where nothing native is loaded, and because an error can name the record here.
  #
  # @api private
  module Names
    MAX_BYTES = 255
    FORBIDDEN = /[[:space:]\p{Cc}{}]/
    # What the empty scope is called where an empty string cannot stand; so no scope may be called this.
    EMPTY_SCOPE = "-"

    module_function

    # @param name [String]
    # @return [Boolean] whether an event may be called so
    def valid?(name)
      return false unless name.is_a?(String) && name.bytesize.between?(1, MAX_BYTES)

      text = name.encoding == Encoding::UTF_8 ? name : name.dup.force_encoding(Encoding::UTF_8)
      text.valid_encoding? && !text.match?(FORBIDDEN)
    end

    # @param scope [String] "" is the empty scope
    # @return [Boolean]
    def valid_scope?(scope)
      scope == "" || (valid?(scope) && scope != EMPTY_SCOPE)
    end
  end
end
