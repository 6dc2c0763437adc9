# frozen_string_literal: true

require "fileutils"

module Demo
  # A process group for everything the demo starts, led by a small process that waits for the demo's end. However the demo
  # ends (kill -9 included), whoever is left in the group is ended, and the directory with its files is removed.
  class Guard
    # What a process may take to end by itself when the demo could not see to it any more.
    GRACE_SECONDS = 3

    # @return [Integer] the process group; also the guard's own pid
    attr_reader :group

    # @param directory [String] what to remove at the end
    def initialize(directory)
      reader, @lifeline = IO.pipe
      @group = Process.fork do
        @lifeline.close
        watch(reader, directory)
      end
      reader.close
      # Here too: the first child must find the group, whichever process comes first.
      Process.setpgid(@group, @group)
    end

    # Ends the group at once: by now nobody should be in it. Idempotent.
    def release
      return if @lifeline.closed?

      @lifeline.write("done")
      @lifeline.close
      Process.wait(@group)
    rescue Errno::EPIPE, Errno::ECHILD
      # It was killed: there is nobody to release.
    end

    private

    # Runs in the guard. Reading ends when the demo closes its end of the pipe, or the kernel does so for it.
    def watch(reader, directory)
      Process.setpgid(0, 0)
      Process.setproctitle("bin/demo: guard")
      %w[INT TERM HUP].each { |signal| trap(signal, "IGNORE") }
      unless reader.read == "done"
        Process.kill(:TERM, 0)
        sleep GRACE_SECONDS
      end
      FileUtils.rm_rf(directory)
    ensure
      # The guard is in the group as well, so no exit handler that it has from the demo runs.
      Process.kill(:KILL, 0)
    end
  end
end
