# frozen_string_literal: true

# A moment on the monotonic clock by which something must have happened: no wait of the suite goes without one.
class Deadline
  # What a wait may take when the example does not say: generous, for a busy machine of two cores.
  DEFAULT_SECONDS = 15

  class Missed < StandardError; end

  def initialize(seconds = DEFAULT_SECONDS)
    @seconds = seconds
    @at = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
  end

  # @return [Float] seconds that are left, never negative
  def left
    [@at - Process.clock_gettime(Process::CLOCK_MONOTONIC), 0].max
  end

  def passed?
    left.zero?
  end

  # @raise [Missed] naming what did not come
  def missed!(what)
    raise Missed, "#{what} did not come within #{@seconds} s"
  end

  # Waits until `io` can be read.
  # @raise [Missed]
  def wait_readable(io, what)
    io.wait_readable(left) || missed!(what)
  end
end
