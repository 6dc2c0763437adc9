# frozen_string_literal: true

# Classes as an app has them, made in an example.
module Authentication
  # @yieldreturn whether the request may come in; `request` and `params` are there
  def authenticator(&matches)
    Class.new(Atr::RequestAuthenticator) { define_method(:matches?, &matches) }
  end

  # Of `/organization/1` the scope `organization.1`; every path is valid.
  def path_scope
    scope { request.url.split("/").reject(&:empty?).join(".") }
  end

  # @yieldreturn the routing key or keys
  def scope(&routing_key)
    Class.new(Atr::RequestScope) do
      define_method(:matches?) { true }
      define_method(:routing_key, &routing_key)
    end
  end
end
