# frozen_string_literal: true

# The app's code of "atr with a Ruby gate": what a real app decides on, a token and a path, without a database.
require "atr"

class BenchAuthenticator < Atr::RequestAuthenticator
  def matches?
    params[:token] == "secret"
  end
end

class BenchScope < Atr::RequestScope
  def valid?
    segments.size == 2 && segments.first == "organization"
  end

  def routing_key
    segments.join(".")
  end

  private

  def segments
    request.url.split("/").reject(&:empty?)
  end
end

Atr.configure do |config|
  config.authenticate_with = "BenchAuthenticator"
  config.scope_with = "BenchScope"
end
