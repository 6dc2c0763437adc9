# frozen_string_literal: true

require_relative "../samples"

module Bench
  class Soak
    # Memory, threads and descriptors of the server, taken whenever only the same few clients are there; and whether they are
    # flat from when it has settled to the end.
    class Vitals
      Sample = Struct.new(:seconds, :rss, :threads, :descriptors, keyword_init: true)

      # What an allocator's pools and Ruby's heap may waver by.
      TOLERANCE = 0.10
      TOLERANCE_BYTES = 2 * 1024 * 1024
      # The first cycle brings every part to life; memory has settled after the second.
      SETTLING = 2

      attr_reader :samples

      def initialize(meter)
        @meter = meter
        @begun = now
        @samples = []
      end

      # @return [Sample]
      def take
        @meter.settle(quiet: 1.0)
        wait_for_leavers
        sample = Sample.new(seconds: (now - @begun).round, rss: @meter.rss, threads: @meter.threads, descriptors: @meter.descriptors)
        @samples << sample
        sample
      end

      # @return [Array<String>] what grew
      def growth
        settled = samples.drop([SETTLING, samples.size - 2].min)
        return ["there are too few samples to tell"] if settled.size < 2

        [grown_memory(settled), *%i[threads descriptors].map { |name| grown_count(settled, name) }].compact
      end

      private

      # A client that was cut off may linger for some seconds; what stays longer has leaked.
      def wait_for_leavers
        before = samples.first or return
        deadline = now + 20
        sleep 0.2 while now < deadline && (@meter.descriptors > before.descriptors || @meter.threads > before.threads)
      end

      # Thirds, so that one sample that is out of line decides nothing.
      def grown_memory(settled)
        third = (settled.size / 3.0).ceil
        first, last = [settled.first(third), settled.last(third)].map { |part| Samples.median(part.map(&:rss)) }
        return if last <= (first * (1 + TOLERANCE)) + TOLERANCE_BYTES

        "memory grew from #{first.to_i / 1024} to #{last.to_i / 1024} KiB"
      end

      def grown_count(settled, name)
        first, last = [settled.first, settled.last].map { |sample| sample[name] }
        "#{name} grew from #{first} to #{last}" if last > first
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
