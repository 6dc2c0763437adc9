# frozen_string_literal: true

require "active_model"
require "json"
require "securerandom"
require_relative "record_payload"
require_relative "timestamp"

module Atr
  # What happened: to which record, when, and who may see it. It serialises itself; any class that is made with an event and
  # has `to_json` can do so in its place (`config.event_serializer`).
  #
  # @example
  #   Atr::Event.new("organization.1234.post.created", "post.created", post).to_json
  class Event
    include ActiveModel::Serialization

    ATTRIBUTES = %w[id name occured_at record record_type routing_key].freeze
    # Fiber-local.
    STATE = :atr_json_state
    private_constant :STATE

    # @return [String] hexadecimal digits
    attr_reader :id
    # @return [String] e.g. `post.created`
    attr_reader :name
    # @return [Time] in UTC; spelt as the original gem spells it
    attr_reader :occured_at
    alias occurred_at occured_at
    # @return [Object] the record itself, with all its attributes; {#payload} is what may go out of it
    attr_reader :record
    # @return [String, nil] the name of the record's class; nil for what is no record
    attr_reader :record_type
    # @return [String, nil] scope and name; nil when the record has no usable value for its scope: then nobody may see the event
    attr_reader :routing_key

    # @param routing_key [String] scope and name: `organization.1234.post.created`
    # @param name [String] `post.created`
    # @param record [Object] a record, or any payload that can be JSON
    # @param changes [Hash{String => Array}, nil] what an update changed, old and new value by attribute; by default what the
    #   transaction that is being published changed
    def initialize(routing_key, name, record, changes: nil)
      @id = SecureRandom.hex
      @name = name
      @occured_at = Time.now.utc
      @record = record
      @record_type = record.class.name unless plain?
      @routing_key = routing_key
      @changes = changes
    end

    # @param attribute [String, Symbol]
    # @return [Object, nil] the attribute's value
    def [](attribute)
      public_send(attribute) if ATTRIBUTES.include?(attribute.to_s)
    end

    # @return [String, nil] the routing key without the name; "" for an unscoped event
    # @raise [PublishError] when the routing key is not made of a scope and the name
    def scope
      return if routing_key.nil?
      return "" if routing_key == name

      scope = routing_key.delete_suffix(".#{name}")
      return scope unless scope.empty? || scope == routing_key

      raise PublishError, "the routing key #{routing_key.inspect} is not a scope and the event's name #{name.inspect}"
    end

    # @return [Hash{String => Object}] the record's attributes that may go out, as they are in the JSON
    def payload
      @payload ||= record_payload.to_h
    end

    # Who may see the record now need not have been allowed to see it before: an update that moves it to another scope does not
    # show its old values.
    #
    # @return [Hash{String => Array}, nil] old and new value of what an update changed, without what may not go out; nil for
    #   other events, and when an attribute of the record's publication scope is among them
    def changes
      all = @changes || default_changes
      record_payload.changes(all) unless all.nil? || record_payload.moved?(all)
    end

    # @api private
    # @return [Array<String>] names of the record's attributes that cannot be JSON, because they are not text
    def unreadable
      record_payload.unreadable(payload, changes || {})
    end

    # @return [Hash{String => Object}] for serialisers: the record itself among them
    def attributes
      ATTRIBUTES.to_h { |attribute| [attribute, self[attribute]] }
    end

    # @return [Object] what ActiveModel::Serializers reads attributes by
    def read_attribute_for_serialization(attribute)
      public_send(attribute)
    end

    # @return [Hash{String => Object}] what {#to_json} is made of
    def as_json(*)
      json = {
        "id" => id, "name" => name, "occured_at" => Timestamp.iso8601(occured_at), "record" => payload,
        "record_type" => record_type, "routing_key" => routing_key
      }
      (changed = changes) ? json.merge!("changes" => changed) : json
    end

    # @return [String]
    # @raise [JSON::GeneratorError] for text that is not valid UTF-8
    def to_json(*)
      # ActiveSupport's own `to_json` would take ten times as long for what is plain JSON already.
      generate(as_json)
    end

    private

    # The generator's state takes half as long to make as the JSON, so a thread keeps its one. While it is in use, and when it
    # has failed, nobody finds it.
    def generate(json)
      state = Thread.current[STATE] || JSON::State.new
      Thread.current[STATE] = nil
      text = JSON.generate(json, state)
      Thread.current[STATE] = state
      text
    end

    def plain?
      return false if record_payload.attributes?

      case record
      when nil, true, false, Hash, Array, String, Symbol, Numeric then true
      else false
      end
    end

    def record_payload
      @record_payload ||= RecordPayload.new(record)
    end

    def default_changes
      record.publishable_changes if name.end_with?(".updated") && record.respond_to?(:publishable_changes)
    end
  end
end
