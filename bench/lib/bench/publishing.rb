# frozen_string_literal: true

require_relative "child"
require_relative "machine"
require_relative "tools"

module Bench
  # What publishing costs the calling thread (bench/servers/publish.rb does it).
  class Publishing
    # Calls of each kind in a round.
    CALLS = 2000
    # What is printed, in this order.
    COLUMNS = [%i[publish_wall atr], %i[publish_cpu atr], %i[publish_wall cable], %i[publish_cpu cable]].freeze

    def initialize(redis:, rounds:, samples:)
      @redis = redis
      @rounds = rounds
      @samples = samples
    end

    def run
      command = [RbConfig.ruby, "-I#{File.join(Tools::ROOT, "lib")}", Tools.server("publish.rb"), @rounds.to_s, CALLS.to_s]
      environment = { "REDIS_URL" => @redis.url, "RAILS_ENV" => "production", "RUBYOPT" => nil }
      # On any core: the publisher's own thread would otherwise take the caller's.
      child = Child.new("publish", command, environment: environment)
      child.wait_until_ended(300)
      rounds = child.output.lines.grep(/\A[\d.]+( [\d.]+){3}\Z/)
      raise Child::Failed, "publish: #{child.output}" unless rounds.size == @rounds

      rounds.each { |line| note(line.split.map(&:to_f)) }
    end

    private

    def note(values)
      COLUMNS.zip(values) { |(figure, kind), value| @samples.add(figure, kind.to_s, nil, value) }
    end
  end
end
