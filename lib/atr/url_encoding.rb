# frozen_string_literal: true

require "active_support/core_ext/hash/indifferent_access"
require "uri"

module Atr
  # Reads `name=value` lists, as query strings and cookie headers are. Flat: every value is a String, whatever the client
  # sends, so that it can be handed to a finder as it is. What cannot be decoded stays as it came; bytes that are no UTF-8
  # are replaced.
  #
  # @api private
  module UrlEncoding
    module_function

    # @param string [String, nil] `a=1&b=2`
    # @return [ActiveSupport::HashWithIndifferentAccess] of a name that is given twice, the last
    def query(string)
      pairs(string, "&").to_h.with_indifferent_access
    end

    # @param string [String, nil] `a=1; b=2`
    # @return [ActiveSupport::HashWithIndifferentAccess] of a name that is given twice, the first (the more specific path)
    def cookies(string)
      pairs(string, /;\s*/).reverse.to_h.with_indifferent_access
    end

    # @return [Array<Array(String, String)>]
    def pairs(string, separator)
      string.to_s.b.split(separator).reject(&:empty?).map do |pair|
        name, value = pair.split("=", 2)
        [decode(name.to_s.strip), decode(value.to_s.strip)]
      end
    end

    # @return [String] in UTF-8, always valid
    def decode(string)
      URI.decode_www_form_component(string).scrub
    rescue ArgumentError
      string.dup.force_encoding(Encoding::UTF_8).scrub
    end
  end
end
