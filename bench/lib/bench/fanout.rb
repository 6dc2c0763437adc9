# frozen_string_literal: true

require_relative "kinds"
require_relative "machine"
require_relative "options"
require_relative "publishing"
require_relative "redis"
require_relative "report"
require_relative "round"
require_relative "samples"
require_relative "tools"

module Bench
  # The whole run of bench/fanout.
  class Fanout
    # Descriptors that a process needs besides its connections'.
    SPARE_DESCRIPTORS = 100

    def initialize(options)
      @options = options
      @samples = Samples.new
      @load_average = Machine.load_average
    end

    # @return [Report]
    def run
      prepare
      redis = Redis.new(core: Machine.other_core)
      Publishing.new(redis: redis, rounds: [@options.rounds, 5].max, samples: @samples).run if @options.publishing?
      rounds(redis) if kinds.any?
      Report.new(@samples, @options, load_average: @load_average)
    end

    private

    def prepare
      tools = Tools.new
      tools.prepare(build: @options.build?)
      tools.prepare_ws if kinds.include?(Kinds::WS)
      tools.prepare_cable if kinds.include?(Kinds::CABLE) || @options.publishing?
      warn "bench: one core only: server and clients share it, and the figures mean little" if Machine.cores.size < 2
      Machine.raise_file_limit
      return if @options.sizes.max + SPARE_DESCRIPTORS <= Machine.file_limit

      raise Tools::Missing, "#{@options.sizes.max} connections need more open files than #{Machine.file_limit}: ulimit -n, or --sizes"
    end

    def kinds
      @options.kinds
    end

    def rounds(redis)
      @options.rounds.times do |index|
        @options.sizes.each do |size|
          warn "round #{index + 1} of #{@options.rounds}, #{size} connections …"
          Round.new(size: size, kinds: kinds, redis: redis, plan: @options.plan, samples: @samples).run
        end
      end
    end
  end
end
