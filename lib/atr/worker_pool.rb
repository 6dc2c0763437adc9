# frozen_string_literal: true

require_relative "database_connections"

module Atr
  # Runs the threads that take jobs from the server and have the gatekeeper answer them. A thread that the app's code ends
  # (`Thread.exit`) is replaced.
  #
  # @api private
  class WorkerPool
    # How long a killed thread may take to run its `ensure` blocks.
    KILL_SECONDS = 1.0

    # @param jobs [#next_job] gives nil when no more jobs will come
    # @param gatekeeper [Gatekeeper]
    # @param size [Integer]
    # @param logger [Logger]
    # @yield once, when no more jobs will come, on the thread that noticed first
    def initialize(jobs, gatekeeper, size:, logger: Atr.logger, &on_end)
      @jobs = jobs
      @gatekeeper = gatekeeper
      @logger = logger
      @on_end = on_end
      @lock = Mutex.new
      @threads = Array.new(size)
      @ended = false
      @lock.synchronize { size.times { |number| start_thread(number) } }
    end

    # Waits for the threads, which end when the server gives them no more jobs, and kills those that are still in the app's code.
    #
    # @param timeout [Float] seconds
    # @return [Boolean] whether all ended by themselves
    def stop(timeout)
      deadline = now + timeout
      threads = @lock.synchronize { @stopping = true and @threads.dup }
      busy = threads.reject { |thread| thread.join([deadline - now, 0].max) }
      # All are killed before any is waited for.
      busy.each { |thread| kill(thread) }.each { |thread| thread.join(KILL_SECONDS) }
      busy.empty?
    end

    private

    def start_thread(number)
      @threads[number] = Thread.new do
        Thread.current.name = "atr.gate.#{number}"
        run(number)
      end
    end

    def run(number)
      while (job = @jobs.next_job)
        work(job)
      end
      ended
    rescue Error => e
      # The native side is broken: a new thread would meet the same.
      @logger.error { "atr: #{Thread.current.name}: #{e.class}: #{e.message}" }
      ended
    ensure
      replace(number)
    end

    def work(job)
      @gatekeeper.answer(job)
    ensure
      DatabaseConnections.release
    end

    def ended
      first = @lock.synchronize { !@ended and @ended = true }
      @on_end&.call if first
    end

    def kill(thread)
      # From Ruby 3.3 on a wait shows Ruby's own frames first.
      place = thread.backtrace&.find { |line| !line.start_with?("<internal:") }
      @logger.warn { "atr: #{thread.name} is still in the app's code and is killed: #{place}" }
      thread.kill
    end

    def replace(number)
      @lock.synchronize do
        next if @ended || @stopping

        @logger.warn { "atr: #{Thread.current.name} was ended by the app's code; another takes its place" }
        start_thread(number)
      end
    rescue ThreadError
      # The process is ending: Ruby gives no more threads.
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
