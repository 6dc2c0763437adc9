# frozen_string_literal: true

require "json"
require_relative "deadline"
require_relative "eventually"

# Hears of Redis what somebody else's program would: the JSON of events on the channels that are their routing keys.
class EventListener
  # Hears when it is made.
  # @param redis [RedisServer]
  # @param pattern [String] of channels
  def initialize(redis, pattern)
    @heard = Queue.new
    ready = Queue.new
    @redis = redis.client
    @thread = Thread.new do
      @redis.psubscribe(pattern) do |on|
        on.psubscribe { ready << true }
        on.pmessage { |_, _, message| @heard << JSON.parse(message).fetch("record") }
      end
    end
    @thread.report_on_exception = false
    ready.pop
  end

  # @return [Array] the records that came before `last`, which must come
  def until_heard(last)
    deadline = Deadline.new(30)
    all = []
    until all.last == last
      deadline.missed!("#{last.inspect} after #{all}") if deadline.passed?
      @heard.empty? ? sleep(Eventually::POLL_SECONDS) : all << @heard.pop
    end
    all[0..-2]
  end

  def close
    @thread.kill
    @redis.close
  end
end
