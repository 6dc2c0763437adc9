# frozen_string_literal: true

module Bench
  class Soak
    # What happens to the Redis, one thing after the other.
    class Trouble
      # Longer than the server and the publisher wait for an answer.
      STOPPED_SECONDS = 12
      AWAY_SECONDS = 3

      # Name and what is done; each leaves a Redis that runs.
      KINDS = {
        "Redis killed" => lambda do |redis|
          redis.child.kill
          sleep AWAY_SECONDS
          redis.start
        end,
        "Redis stopped (SIGSTOP)" => lambda do |redis|
          redis.child.signal(:STOP)
          sleep STOPPED_SECONDS
          redis.child.signal(:CONT)
        end,
        "Redis restarted" => lambda do |redis|
          redis.child.stop
          redis.start
        end
      }.freeze

      def initialize(redis)
        @redis = redis
        @kinds = KINDS.cycle
      end

      # @return [String] what was done
      def make
        name, act = @kinds.next
        act.call(@redis)
        name
      end
    end
  end
end
