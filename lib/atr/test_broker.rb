# frozen_string_literal: true

require "json"

module Atr
  # The broker of tests: it remembers what was published, and sends nothing. It takes the place of the native publisher.
  #
  # @example
  #   Atr::TestBroker.clear
  #   Post.create!(organization_id: 1)
  #   Atr::TestBroker.messages.map(&:routing_key) # => ["organization.1.post.created"]
  #   Atr.position("organization.1") # => "0000000000000000:1"
  class TestBroker
    # One published event.
    Message = Struct.new(:id, :scope, :name, :routing_key, :json) do
      # @return [Hash] what the JSON says
      def event
        JSON.parse(json)
      end
    end

    # A long run of tests that nobody clears in between must not fill the memory: the oldest go.
    LIMIT = 10_000

    # There is but one log of each scope.
    EPOCH = "0" * 16
    private_constant :EPOCH

    @instance = nil

    class << self
      # @return [TestBroker] the process's one
      def instance
        @instance ||= new
      end

      # @return [Array<Message>] what was published since {clear}, in order
      def messages
        instance.messages
      end

      # @return [void]
      def clear
        instance.clear
      end
    end

    def initialize
      @lock = Mutex.new
      @messages = []
      @offsets = Hash.new(0)
      @pushed = 0
    end

    # @return [Array<Message>]
    def messages
      @lock.synchronize { @messages.dup }
    end

    # @return [void]
    def clear
      @lock.synchronize { [@messages, @offsets].each(&:clear) }
      nil
    end

    # @param events [Array<Array<String>>]
    # @return [Integer] how many were taken: all
    def push(events)
      @lock.synchronize do
        @messages.concat(events.map { |event| Message.new(*event) }.each { |message| @offsets[message.scope] += 1 })
        @messages.shift(@messages.size - LIMIT) if @messages.size > LIMIT
        @pushed += events.size
      end
      events.size
    end

    # @return [String] the event's position
    def publish(event, _timeout_seconds)
      push([event])
      positions([event[1]], 0).first
    end

    # @param scopes [Array<String>]
    # @return [Array<String>] how many events of each scope there were since {clear}, as positions
    def positions(scopes, _timeout_seconds)
      @lock.synchronize { scopes.map { |scope| "#{EPOCH}:#{@offsets.fetch(scope, 0)}" } }
    end

    # @return [true]
    def flush(_timeout_seconds)
      true
    end

    # @return [Hash{Symbol => Integer}]
    def stats
      { pushed: @pushed, published: @pushed, unheard: 0, lost: 0, dropped_full: 0, queued: 0 }
    end

    # @return [void]
    def close; end
  end
end
