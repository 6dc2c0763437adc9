# frozen_string_literal: true

# The organizations that a browser has entered, kept in an encrypted cookie. It stands for whatever an app signs people in with.
class Membership
  COOKIE = :organization_ids

  # @param cookies [ActionDispatch::Cookies::CookieJar] of a controller, or of a websocket request
  def initialize(cookies)
    @cookies = cookies.encrypted
  end

  def include?(organization_id)
    organization_ids.include?(organization_id.to_i)
  end

  def enter(organization)
    store(organization_ids | [organization.id])
  end

  def leave(organization)
    store(organization_ids - [organization.id])
  end

  private

  def organization_ids
    Array(@cookies[COOKIE])
  end

  def store(ids)
    @cookies[COOKIE] = { value: ids, httponly: true, same_site: :lax }
  end
end
