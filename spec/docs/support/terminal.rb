# frozen_string_literal: true

require "support/eventually"
require "tempfile"

module Docs
  # A script in bash, as somebody would type its lines: with aliases, in a process group of its own, with all that it prints.
  class Terminal
    include Eventually

    # A Rails app boots in two seconds, on a busy machine in many.
    BOOT_SECONDS = 60

    # @param script [String]
    # @param directory [String]
    # @param environment [Hash{String => String}] all that there is of it
    def initialize(script, directory:, environment:)
      @file = Tempfile.new(%w[terminal .sh])
      @file.write(script)
      @file.close
      @log = Tempfile.new("terminal")
      # Aliases are for people: a script has to ask for them.
      @pid = Process.spawn(environment, "bash", "-e", "-O", "expand_aliases", @file.path,
                           chdir: directory, unsetenv_others: true, pgroup: true, in: File::NULL, %i[out err] => @log.path)
    end

    # @return [String] so far, on both streams
    def output
      File.read(@log.path)
    end

    # @return [MatchData]
    def wait_for(pattern)
      eventually(within: BOOT_SECONDS, what: "#{pattern.inspect} in #{output.inspect}") do
        output.match(pattern) || (ended? ? raise("ended without #{pattern.inspect}: #{output}") : nil)
      end
    end

    # Waits for its end.
    # @return [Integer] the exit status
    def status
      eventually(within: BOOT_SECONDS, what: "the end of #{@file.path}") { ended? }
      @status.exitstatus
    end

    # As Ctrl-C does, to all that the script has started.
    def stop
      signal(:INT)
      eventually(what: "the end of all processes") { ended? && !signal(0) }
    rescue Deadline::Missed
      signal(:KILL)
      raise
    end

    private

    def ended?
      @status ||= Process.wait2(@pid, Process::WNOHANG)&.last
      !@status.nil?
    end

    # @return [Boolean] whether there was anybody to get it
    def signal(name)
      Process.kill(name, -@pid)
      true
    rescue Errno::ESRCH
      false
    end
  end
end
