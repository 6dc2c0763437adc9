# frozen_string_literal: true

# What is created, updated or destroyed here is told to the browsers of its organization, and to no others.
class Post < ApplicationRecord
  include Atr::Publishable
  publication_scope :organization_id

  belongs_to :organization

  validates :title, presence: true, length: { maximum: 120 }
  validates :body, length: { maximum: 2_000 }

  scope :newest_first, -> { order(id: :desc) }
end
