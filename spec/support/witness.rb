# frozen_string_literal: true

require_relative "deadline"
require_relative "eventually"

# A client that must not notice what others do: it keeps its connection and gets every event, in order.
class Witness
  # @param client [WebSocketClient] that is in its scopes
  # @yieldparam number [Integer] publishes an event whose record holds this `number`, to the client's scope
  def initialize(client, &publish)
    @client = client
    @publish = publish
    @seen = 0
  end

  # Publishes an event, which must be the next thing that comes.
  # @return [true]
  # @raise [RuntimeError] when another thing comes
  def served?
    @seen += 1
    @publish.call(@seen)
    event = @client.next_event
    raise "a witness expected event #{@seen}, not #{event}" unless event.dig("record", "number") == @seen

    true
  end
end
