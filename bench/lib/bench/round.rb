# frozen_string_literal: true

require_relative "load_client"
require_relative "samples"
require_relative "server"

module Bench
  # One round with so many connections: starts every server anew, and takes turns among them at each thing that is measured,
  # so that whatever changes on the machine meanwhile changes for all.
  class Round
    BURST = 32
    MESSAGE_BYTES = 20_000
    # Events before any that count: the first fan-out touches memory for the first time.
    WARM_UP = 5

    # How much is measured. A block is one server's turn.
    Plan = Struct.new(:blocks, :seconds, :messages, :bursts, keyword_init: true)
    Place = Struct.new(:kind, :server, :client, :rss_before, keyword_init: true)

    def initialize(size:, kinds:, redis:, plan:, samples:)
      @size = size
      @redis = redis
      @plan = plan
      @samples = samples
      @places = kinds.map { |kind| Place.new(kind: kind) }
    end

    def run
      @places.each { |place| begin_with(place) }
      delivering = @places.reject { |place| place.kind.accepts_only }
      publish(delivering, 1, @plan.messages, :one)
      publish(delivering, BURST, @plan.bursts, :burst)
      delivering.each { |place| note_memory(place, :rss_after_burst) }
      @places.each { |place| say(place) }
    ensure
      @places.each { |place| finish(place) }
    end

    private

    def begin_with(place)
      place.server = Server.new(place.kind, @redis)
      place.rss_before = place.server.meter.rss
      place.client = LoadClient.new(place.server, redis: @redis, connections: @size)
      place.server.awake do
        _, cpu = place.server.measure { place.client.connect }
        add(:cpu_per_accept, place, cpu * 1e6 / @size)
        note_memory(place, :rss_idle)
      end
    end

    def publish(places, burst, max, figure)
      blocks = Hash.new { |all, place| all[place] = [] }
      @plan.blocks.times do |index|
        places.each { |place| blocks[place] << block(place, burst, max) unless index.positive? && place.kind.slow }
      end
      blocks.each { |place, results| note_publishing(place, results, figure) }
    end

    # @return [Array(LoadClient::Answer, Float)]
    def block(place, burst, max)
      place.server.awake do
        place.client.publish(1, max: WARM_UP, seconds: place.kind.slow ? 0 : 1)
        place.server.meter.settle
        place.server.measure { place.client.publish(burst, max: max, seconds: @plan.seconds) }
      end
    end

    def note_publishing(place, results, figure)
      cpu = results.sum { |_, seconds| seconds }
      deliveries = results.sum { |answer, _| answer.deliveries }
      latencies = results.flat_map { |answer, _| answer.latencies_us }
      add(:"cpu_#{figure}", place, cpu * 1e6 / deliveries)
      add(:"p50_#{figure}", place, Samples.percentile(latencies, 50) / 1e3)
      add(:"p99_#{figure}", place, Samples.percentile(latencies, 99) / 1e3)
      add(:deliveries, place, deliveries)
      add(:disordered, place, results.sum { |answer, _| answer.disordered })
    end

    def say(place)
      place.server.awake do
        place.client.say(MESSAGE_BYTES)
        note_memory(place, :rss_after_message)
        # That it was all read, and nobody was lost over it, shows in an event that reaches everybody.
        place.client.publish(1, max: 1, seconds: 0)
      end
    end

    def note_memory(place, figure)
      place.server.meter.settle
      add(figure, place, (place.server.meter.rss - place.rss_before) / 1024.0 / @size)
    end

    def add(figure, place, value)
      @samples.add(figure, place.kind.name, @size, value)
    end

    def finish(place)
      place.client&.close
      place.server&.stop
    end
  end
end
