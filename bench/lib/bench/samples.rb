# frozen_string_literal: true

module Bench
  # All that was measured: values by figure, server and number of connections, one for each round.
  class Samples
    def self.median(values)
      percentile(values, 50)
    end

    # @return [Numeric, nil] the value below which so many per cent lie; the middle of two for the median of an even number
    def self.percentile(values, per_cent)
      return if values.empty?

      sorted = values.sort
      place = (sorted.size - 1) * per_cent / 100.0
      low = sorted[place.floor]
      low + ((sorted[place.ceil] - low) * (place - place.floor))
    end

    def initialize
      @values = Hash.new { |values, key| values[key] = [] }
    end

    def add(figure, server, size, value)
      @values[[figure, server, size]] << value
    end

    # @return [Float, nil] of all rounds
    def median(figure, server, size)
      Samples.median(values(figure, server, size))
    end

    # Compares round by round: what changes from round to round on a machine changes for both.
    #
    # @return [Float, nil] the median of the rounds' ratios
    def ratio(figure, server, other, size)
      values = values(figure, server, size)
      others = values(figure, other, size)
      Samples.median(values.zip(others).filter_map { |value, divisor| value / divisor if divisor&.positive? })
    end

    def total(figure, server, size)
      values(figure, server, size).sum
    end

    private

    def values(figure, server, size)
      @values.fetch([figure, server, size], [])
    end
  end
end
