# frozen_string_literal: true

require_relative "deadline"

# Waits for a condition of another thread or process that nothing tells of.
module Eventually
  POLL_SECONDS = 0.01

  # Calls the block until what it gives is true and none of its expectations fails.
  # @return [Object] what the block gave
  # @raise the last failed expectation, or Deadline::Missed
  def eventually(within: Deadline::DEFAULT_SECONDS, what: "the condition")
    deadline = Deadline.new(within)
    loop do
      begin
        result = yield
        return result if result
      rescue RSpec::Expectations::ExpectationNotMetError
        raise if deadline.passed?
      end
      deadline.missed!(what) if deadline.passed?
      sleep POLL_SECONDS
    end
  end
end
