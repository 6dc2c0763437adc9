# frozen_string_literal: true

require "tmpdir"

# The real `bin/demo` in a process group of its own, as a shell starts it, with temporary files in a place of their own.
class DemoProcess
  ROOT = File.expand_path("../..", __dir__)
  # Two boots of the app and a browser's visit, on a busy machine.
  RUN_SECONDS = 180
  READY = %r{http://127\.0\.0\.1:\d+/}

  attr_reader :pid

  # Yields a running demo, and ends it if it still runs then.
  # @param flags [Array<String>]
  def self.start(*flags)
    Dir.mktmpdir("atr-demo-spec-") do |directory|
      demo = new(flags, directory)
      yield demo
    ensure
      demo&.kill
    end
  end

  def initialize(flags, directory)
    @directory = directory
    @output_path = File.join(directory, "output")
    Dir.mkdir(temporary_files)
    @pid = Process.spawn({ "TMPDIR" => temporary_files }, File.join(ROOT, "bin", "demo"), "--no-setup", *flags,
                         in: File::NULL, %i[out err] => @output_path, pgroup: true)
  end

  def output
    File.read(@output_path)
  end

  # @return [Array<String>] names of what it has left in the directory for temporary files
  def left_files
    Dir.children(temporary_files)
  end

  # Ctrl-C: the terminal tells the whole group of it.
  def interrupt
    Process.kill(:INT, -pid)
  end

  # @return [Integer, nil] the exit status; nil if a signal has ended it
  def wait
    deadline = Deadline.new(RUN_SECONDS)
    until ended?
      deadline.missed!("the end of bin/demo (#{output})") if deadline.passed?
      sleep 0.05
    end
    @status.exitstatus
  end

  # Waits until it has told the address to open.
  def wait_until_ready
    deadline = Deadline.new(RUN_SECONDS)
    until output.match?(READY)
      deadline.missed!("the demo's address (#{output})") if deadline.passed? || ended?
      sleep 0.05
    end
  end

  # Ends it without a chance to see to anything.
  def kill
    return if ended?

    Process.kill(:KILL, pid)
    wait
  end

  private

  def temporary_files
    File.join(@directory, "tmp")
  end

  def ended?
    @status ||= Process.wait2(pid, Process::WNOHANG)&.last
    !@status.nil?
  end
end
