# frozen_string_literal: true

# Changes posts and answers with nothing: what the page shows comes to it as an event, as it comes to everybody else's page.
class PostsController < ApplicationController
  before_action :require_membership
  before_action :find_post, only: %i[update destroy]

  # Only a page that was away for too long asks for the list.
  def index
    render json: organization.posts.newest_first
  end

  def create
    answer organization.posts.create(post_params)
  end

  def update
    @post.update(post_params)
    answer @post
  end

  def destroy
    @post.destroy!
    head :no_content
  end

  private

  def require_membership
    head :forbidden unless membership.include?(params[:organization_id])
  end

  def find_post
    @post = organization.posts.find(params[:id])
  end

  def organization
    @organization ||= Organization.find(params[:organization_id])
  end

  def post_params
    params.require(:post).permit(:title, :body)
  end

  def answer(post)
    return head(:no_content) if post.errors.empty?

    render json: { errors: post.errors.full_messages }, status: 422
  end
end
