# frozen_string_literal: true

require "net/http"
require_relative "../../spec/support/deadline"
require_relative "failure"

module Demo
  # One process of the demo, its output in a file.
  class Service
    POLL_SECONDS = 0.1
    LOG_LINES = 20

    # @return [Integer, nil] nil before the start
    attr_reader :pid

    # @param name [String] for people
    # @param command [Array<String>]
    # @param env [Hash{String => String}] the whole environment
    # @param log [String] path of the file for what it prints
    # @param spawn_options [Hash] more for `Process.spawn`
    def initialize(name, command, env:, log:, **spawn_options)
      @name = name
      @command = command
      @env = env
      @log = log
      @spawn_options = { unsetenv_others: true, in: File::NULL, %i[out err] => [log, "a"] }.merge(spawn_options)
    end

    def start
      @pid = Process.spawn(@env, *@command, **@spawn_options)
    rescue SystemCallError => e
      raise Failure, "#{@name} did not start: #{e.message}"
    end

    # Starts it and waits for its end.
    # @raise [Failure] with the end of its output if it fails
    def run
      start
      _, @status = Process.wait2(@pid)
      raise Failure, report unless @status.success?
    end

    # Waits until the address answers with a status of 2xx.
    # @param uri [URI::HTTP]
    # @raise [Failure] if it has ended, or does not answer in time
    def wait_for(uri, seconds:)
      deadline = Deadline.new(seconds)
      until answers?(uri)
        raise Failure, report unless alive?
        raise Failure, "#{@name} did not answer at #{uri} within #{seconds} s#{output}" if deadline.passed?

        sleep POLL_SECONDS
      end
    end

    # @return [Boolean] whether it has been started and runs
    def alive?
      return false if @pid.nil? || @status

      _, @status = Process.wait2(@pid, Process::WNOHANG)
      @status.nil?
    end

    # @param status [Process::Status] how it ended, where somebody else has waited for it
    def ended(status)
      @status = status
    end

    # @return [String] how it ended, and the last it said
    def report
      "#{@name} has ended (#{@status.to_s.sub(/\Apid \d+ /, "")})#{output}"
    end

    # @return [String] the last lines of its output, or nothing
    def output
      lines = File.exist?(@log) ? File.readlines(@log).last(LOG_LINES) : []
      lines.empty? ? "" : "; the last it printed:\n#{lines.map { |line| "  | #{line}" }.join}"
    end

    def terminate
      Process.kill(:TERM, @pid) if alive?
    end

    # Waits for its end.
    # @return [Boolean] whether it came
    def wait_until_ended(seconds)
      deadline = Deadline.new(seconds)
      sleep POLL_SECONDS while alive? && !deadline.passed?
      !alive?
    end

    private

    def answers?(uri)
      Net::HTTP.start(uri.host, uri.port, open_timeout: 1, read_timeout: 10) { |http| http.get(uri.request_uri) }.is_a?(Net::HTTPSuccess)
    rescue SystemCallError, Timeout::Error, IOError, Net::ProtocolError
      false
    end
  end
end
