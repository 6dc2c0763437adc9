# frozen_string_literal: true

module Bench
  # What atr is expected to stay within, and whether it did.
  class Bounds
    # `limit` is the most, or, where `least`, the least.
    Bound = Struct.new(:what, :measured, :limit, :least, :unit, keyword_init: true) do
      def kept?
        least ? measured >= limit : measured <= limit
      end
    end

    FLOOR = "floor"
    ATR = "atr"
    CABLE = "cable"
    # Figures that are compared with the floor's: name, what it is, at most so many times as much.
    RATIOS = [
      [:cpu_one, "CPU per delivery, one at a time", 1.15],
      [:cpu_burst, "CPU per delivery, in bursts of 32", 1.3],
      [:p50_one, "p50 from PUBLISH to the last client", 1.15],
      [:cpu_per_accept, "CPU per accepted connection, no Ruby gate", 2.0]
    ].freeze
    # Memory for a connection: name, when, at most so many KiB.
    MEMORY = [
      [:rss_idle, "memory of an idle connection", 6],
      [:rss_after_burst, "after a burst", 6],
      [:rss_after_message, "after a 20 kB message from each client", 12]
    ].freeze
    CABLE_FACTOR = 50
    PUBLISH_SHARE = 0.2

    def initialize(samples, sizes)
      @samples = samples
      @sizes = sizes
    end

    # @return [Array<Bound>] those for which there are figures
    def all
      (@sizes.flat_map { |size| of_size(size) } + publishing).reject { |bound| bound.measured.nil? }
    end

    private

    def of_size(size)
      [
        *RATIOS.map { |figure, what, limit| bound("#{what}, #{size}", @samples.ratio(figure, ATR, FLOOR, size), limit, unit: "x floor") },
        *MEMORY.map { |figure, what, limit| bound("#{what}, #{size}", @samples.median(figure, ATR, size), limit, unit: "KiB") },
        cable(size)
      ]
    end

    def cable(size)
      ratio = @samples.ratio(:cpu_one, CABLE, ATR, size)
      bound("Action Cable's CPU per delivery, #{size}", ratio, CABLE_FACTOR, unit: "x atr", least: true)
    end

    def publishing
      ratio = @samples.ratio(:publish_wall, ATR, CABLE, nil)
      [bound("Atr.publish_event, in the calling thread", ratio, PUBLISH_SHARE, unit: "x broadcast")]
    end

    def bound(what, measured, limit, unit:, least: false)
      Bound.new(what: what, measured: measured, limit: limit, least: least, unit: unit)
    end
  end
end
