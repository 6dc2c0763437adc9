# frozen_string_literal: true

# How does an event look in the browser? Like Atr's own JSON, and with the action by itself.
class WebsocketEventSerializer
  def initialize(event)
    @event = event
  end

  def to_json(*args)
    @event.as_json.merge("action" => @event.name.split(".").last).to_json(*args)
  end
end
