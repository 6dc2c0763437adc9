# frozen_string_literal: true

# Enters and leaves an organization. Anybody may enter: this is a demo.
class MembershipsController < ApplicationController
  before_action { @organization = Organization.find(params[:organization_id]) }

  def create
    membership.enter(@organization)
    redirect_to @organization
  end

  def destroy
    membership.leave(@organization)
    redirect_to root_path
  end
end
