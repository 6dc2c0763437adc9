# frozen_string_literal: true

require_relative "request_check"

module Atr
  # Says which events a client gets. Subclass it, override {#routing_key} and either {#matches?} or {#valid?}, and name the
  # class in `config.scope_with`.
  #
  # @example
  #   class WebsocketScope < Atr::RequestScope
  #     def valid?
  #       segments.size == 2 && segments.first == "organization"
  #     end
  #
  #     def routing_key
  #       segments.join(".") # "organization.1"
  #     end
  #
  #     def segments
  #       request.url.split("/").reject(&:empty?)
  #     end
  #   end
  class RequestScope
    include RequestCheck

    # @return [Boolean] whether the client may have what {#routing_key} says
    def valid?
      matches?
    end

    # @return [String, Array<String>, nil] the scope or scopes whose events this client gets; "" are the events without a
    #   scope; nil lets nobody in
    def routing_key; end
  end
end
