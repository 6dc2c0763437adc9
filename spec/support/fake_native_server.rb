# frozen_string_literal: true

# Takes the place of Native::Server: jobs and log lines come from queues, the sockets are left out.
class FakeNativeServer
  attr_reader :options, :jobs, :stopped, :stops, :log

  def initialize(fails_with: nil)
    @jobs = Queue.new
    @log = Queue.new
    @stops = []
    @start_error = fails_with
  end

  # As the class method of the real one; this object is the class and the server.
  def start(options)
    raise @start_error if @start_error

    @options = options
    self
  end

  def port
    41_000
  end

  def admin_port
    options[:admin_host] && 41_001
  end

  def stats
    { connections: 3 }
  end

  def next_job
    jobs.pop
  end

  def next_log
    log.pop
  end

  def stop(timeout_seconds)
    @stops << [timeout_seconds, Thread.current]
    end_with("")
    true
  end

  # As a native thread that panics.
  def end_with(failure)
    @stopped ||= failure
    jobs.close
    log.close
  end
end
