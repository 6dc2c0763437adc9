# frozen_string_literal: true

module ApplicationHelper
  # Each organization has a colour of its own, so that two windows are told apart at a glance.
  # @return [Integer] degrees on the colour wheel; steps of the golden angle stay far from each other
  def hue(organization)
    (60 + (organization.id * 137)) % 360
  end

  # Where the live events of an organization come from. Behind a proxy both servers share a host and port; here the
  # websocket server is a process next to the app, known by its port.
  def websocket_url(organization)
    "#{request.ssl? ? "wss" : "ws"}://#{request.host}:#{Atr.config.server_port}/organization/#{organization.id}"
  end
end
