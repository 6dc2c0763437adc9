# frozen_string_literal: true

class ApplicationController < ActionController::Base
  private

  def membership
    @membership ||= Membership.new(cookies)
  end
end
