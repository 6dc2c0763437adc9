# frozen_string_literal: true

require "tmpdir"
require_relative "machine"

module Bench
  # A process that this one has started: pinned to a core, its output kept in a file, gone when this process is gone.
  class Child
    class Failed < StandardError; end

    attr_reader :name, :pid

    # @param command [Array<String>]
    # @param core [Integer, nil] nil for any
    def initialize(name, command, core: nil, environment: {})
      @name = name
      @log = File.join(Child.directory, "#{name.tr(" ", "-")}-#{Child.count}.log")
      command = ["taskset", "--cpu-list", core.to_s, *command] if core
      # Nowhere in particular: a server that looks for an app where it is started must not find one.
      @pid = Process.spawn(environment, *command, in: File::NULL, out: @log, err: %i[child out], chdir: Child.directory)
      Child.running << self
    end

    # @return [String] what it has printed so far
    def output
      File.read(@log)
    end

    # @return [MatchData]
    def wait_for_output(pattern, within: 60)
      wait_until("#{pattern.inspect} in its output", within: within) { output.match(pattern) }
    end

    # Waits until the block answers something.
    # @raise [Failed] when the process ends first, or it takes too long
    def wait_until(what, within: 60)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + within
      loop do
        result = yield
        return result if result
        raise Failed, "#{name} ended:\n#{output}" unless alive?
        raise Failed, "#{name}: no #{what} after #{within} s:\n#{output}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

        sleep 0.02
      end
    end

    def alive?
      return false if @ended

      @ended = !Process.wait(pid, Process::WNOHANG).nil?
      !@ended
    end

    def signal(name)
      Process.kill(name, pid) if alive?
    end

    # Asks it to end, and insists after a while.
    def stop(within: 15, with: :TERM)
      signal(:CONT)
      signal(with)
      wait_until_ended(within) || kill
    ensure
      Child.running.delete(self)
    end

    def kill
      signal(:KILL)
      wait_until_ended(5)
      Child.running.delete(self)
    end

    # @return [Boolean] whether it has ended within so many seconds
    def wait_until_ended(seconds)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
      sleep 0.02 while alive? && Process.clock_gettime(Process::CLOCK_MONOTONIC) < deadline
      @ended
    end

    class << self
      # @return [String] where the output of all children is kept until the end
      def directory
        @directory ||= Dir.mktmpdir("atr-bench").tap do |directory|
          owner = Process.pid
          at_exit { clean_up(directory) if Process.pid == owner }
        end
      end

      def running
        @running ||= []
      end

      def count
        @count = (@count || 0) + 1
      end

      private

      def clean_up(directory)
        running.dup.each(&:kill)
        FileUtils.rm_rf(directory)
      end
    end
  end
end
