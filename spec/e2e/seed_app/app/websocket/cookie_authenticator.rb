# frozen_string_literal: true

class CookieAuthenticator < Atr::RequestAuthenticator
  def matches?
    cookie_jar.encrypted[:user_id] == 42 && cookie_jar.signed[:role] == "reader"
  end

  def client_key
    cookie_jar.encrypted[:user_id]
  end

  private

  def cookie_jar
    @cookie_jar ||= ActionDispatch::Request.new(request.env).cookie_jar
  end
end
