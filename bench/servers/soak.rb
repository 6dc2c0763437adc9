# frozen_string_literal: true

# The app's code of bench/soak: a token lets in, and the query names the scope.
require "atr"

class SoakAuthenticator < Atr::RequestAuthenticator
  def matches?
    params[:token] == "secret"
  end
end

class SoakScope < Atr::RequestScope
  def valid?
    !routing_key.nil?
  end

  def routing_key
    params[:scope]
  end
end

Atr.configure do |config|
  config.authenticate_with = "SoakAuthenticator"
  config.scope_with = "SoakScope"
end
