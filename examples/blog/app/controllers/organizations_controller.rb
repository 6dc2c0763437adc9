# frozen_string_literal: true

class OrganizationsController < ApplicationController
  def index
    @organizations = Organization.order(:id)
  end

  def show
    return redirect_to(root_path) unless membership.include?(params[:id])

    @organization = Organization.find(params[:id])
    @posts = @organization.posts.newest_first
  end
end
