# frozen_string_literal: true

module Bench
  # What a process has used, read from the kernel.
  class Meter
    # Linux' clock of the processor time of all threads of a process, in nanoseconds; also of threads that have ended, which
    # the files in /proc/<pid>/task forget. See CPUCLOCK_SCHED in the kernel's posix-timers.h.
    SCHEDULER_CLOCK = 2

    attr_reader :pid

    def initialize(pid)
      @pid = pid
    end

    # @return [Float] seconds
    def cpu
      Process.clock_gettime((~pid << 3) | SCHEDULER_CLOCK)
    end

    # Resident memory that is the process's own. Pages of programs and libraries are left out: the kernel takes them back from
    # an idle process as it likes, and no connection adds any. (/proc/<pid>/status lags behind by some pages for each thread.)
    #
    # @return [Integer] bytes
    def rss
      File.read("/proc/#{pid}/smaps_rollup")[/^Anonymous:\s*(\d+) kB/, 1].to_i * 1024
    end

    # @return [Integer]
    def threads
      Dir.children("/proc/#{pid}/task").size
    end

    # @return [Integer] open files
    def descriptors
      Dir.children("/proc/#{pid}/fd").size
    end

    # Waits until the process does nothing, or has been busy for too long to wait on.
    def settle(within: 20.0, quiet: 0.25)
      deadline = now + within
      before = cpu
      loop do
        sleep quiet
        after = cpu
        return if after - before < quiet * 0.02 || now > deadline

        before = after
      end
    end

    private

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
