# frozen_string_literal: true

require_relative "url_encoding"

module Atr
  # What authenticators and scopes have in common: they look at a request and say whether it passes.
  #
  # @api private
  module RequestCheck
    # @return [Request]
    attr_accessor :request

    # @param request [Request]
    def initialize(request)
      @request = request
    end

    # @return [Boolean] false until a subclass says otherwise: what is not decided is denied
    def matches?
      false
    end

    # @return [ActiveSupport::HashWithIndifferentAccess] the query string's parameters, decoded; values are always Strings
    def params
      @params ||= UrlEncoding.query(request.query_string)
    end
  end
end
