# frozen_string_literal: true

# May this request come in? It may listen to an organization that its browser has entered: the websocket request
# carries the app's cookies, encrypted ones included.
class WebsocketAuthenticator < Atr::RequestAuthenticator
  def matches?
    Membership.new(cookie_jar).include?(segs[1])
  end

  private

  def cookie_jar
    ActionDispatch::Request.new(request.env).cookie_jar
  end

  # /organization/1 → ["organization", "1"]
  def segs
    @segs ||= request.url.split("/").reject(&:empty?)
  end
end
