# frozen_string_literal: true

require "json"

module Atr
  # What views have of atr.
  module PositionsHelper
    # The positions of scopes, where the page's client begins: so nothing is lost between rendering and connecting.
    #
    # Positions have to be from before the page's data was read: an event between the two is shown twice then, and not never. So
    # take them in the controller, first, wherever the data is read there:
    #
    # @example
    #   # controller
    #   @positions = Atr.positions("organization.#{id}")
    #   @posts = Post.where(organization_id: id).to_a
    #   # view
    #   atr_positions_tag(@positions)
    # @example In a view that reads its data itself, further down
    #   atr_positions_tag("organization.1", ["user", current_user.id])
    # @param scopes [Array<String, Array, nil>, Hash{String => String, nil}] scopes, parts of scopes, or what {Atr.positions} gave;
    #   with none, the unscoped events
    # @return [ActiveSupport::SafeBuffer] a meta tag; scopes without a known position are left out
    def atr_positions_tag(*scopes)
      scopes = [nil] if scopes.empty?
      positions = scopes.first.is_a?(Hash) ? scopes.first : Atr.positions(*scopes)
      tag.meta(name: "atr-positions", content: JSON.generate(positions.compact))
    end
  end
end
