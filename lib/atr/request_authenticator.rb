# frozen_string_literal: true

require_relative "request_check"

module Atr
  # Says whether a client may connect. Subclass it, override {#matches?} and name the class in `config.authenticate_with`.
  #
  # @example
  #   class WebsocketAuthenticator < Atr::RequestAuthenticator
  #     def matches?
  #       User.exists?(ActionDispatch::Request.new(request.env).cookie_jar.encrypted[:user_id])
  #     end
  #   end
  class RequestAuthenticator
    include RequestCheck

    # @return [String, nil] a name for this client (a user's id, a session's key), when it has one
    def client_key; end
  end
end
