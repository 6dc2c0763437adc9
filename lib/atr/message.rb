# frozen_string_literal: true

require_relative "errors"
require_relative "names"

module Atr
  # Makes of an event what the broker carries: id, scope, name, routing key and JSON.
  #
  # @api private
  module Message
    module_function

    # @param event [Event]
    # @param serializer [Class, nil] made with the event; nil for the event's own JSON
    # @param max_bytes [Integer] of the JSON
    # @return [Array<String>] `[id, scope, name, routing_key, json]`
    # @raise [PublishError] that says why the event cannot be published
    def encode(event, serializer:, max_bytes:)
      scope = event.scope
      check_names(scope, event.name)
      [event.id, scope, event.name, event.routing_key, json(event, serializer, max_bytes)]
    end

    # Scope values are users' data, so the message shows them escaped.
    def check_names(scope, name)
      return if Names.valid_scope?(scope) && Names.valid?(name)

      what = Names.valid?(name) ? "scope #{scope.inspect}" : "name #{name.inspect}"
      raise PublishError, "the #{what} is not 1-255 bytes without white space, control characters and braces" \
                          "#{", or is #{scope}, which stands for no scope" if scope == Names::EMPTY_SCOPE}"
    end

    def json(event, serializer, max_bytes)
      json = (serializer ? serializer.new(event) : event).to_json
      raise PublishError, "#{serializer}#to_json gave #{json.class}, not a String" unless json.is_a?(String)

      json = json.encoding == Encoding::UTF_8 || json.encoding == Encoding::BINARY ? json.dup.force_encoding("UTF-8") : json.encode("UTF-8")
      raise PublishError, "the JSON is not valid UTF-8" unless json.valid_encoding?
      raise PublishError, "the JSON has #{json.bytesize} bytes, max_event_bytes allows #{max_bytes}" if json.bytesize > max_bytes

      json
    end
  end
end
