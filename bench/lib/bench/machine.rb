# frozen_string_literal: true

require "etc"

module Bench
  # The machine: which core is whose, how many files may be open, and how it is described beside a figure.
  module Machine
    module_function

    # @return [Array<Integer>] numbers of the cores that this process may use
    def cores
      @cores ||= File.read("/proc/self/status")[/^Cpus_allowed_list:\s*(.+)$/, 1].split(",").flat_map do |range|
        first, last = range.split("-").map(&:to_i)
        (first..(last || first)).to_a
      end
    end

    # @return [Integer] the core of the server that is measured
    def server_core
      cores.first
    end

    # @return [Integer] the core of everything else: load client, Redis, this process
    def other_core
      cores.last
    end

    # @return [Float] processes that wanted to run in the last minute
    def load_average
      File.read("/proc/loadavg").to_f
    end

    # A client and a server in one process table each need a descriptor for a connection.
    def raise_file_limit
      _soft, hard = Process.getrlimit(:NOFILE)
      Process.setrlimit(:NOFILE, hard, hard)
    end

    def file_limit
      Process.getrlimit(:NOFILE).first
    end

    # @return [String] "2 cores of AMD EPYC, Debian 12, Linux 6.1, Ruby 3.1.2"
    def description
      model = File.read("/proc/cpuinfo")[/^model name\s*:\s*(.+)$/, 1] || Etc.uname[:machine]
      system = File.read("/etc/os-release")[/^PRETTY_NAME="?([^"\n]+)/, 1] if File.exist?("/etc/os-release")
      ["#{cores.size} cores of #{model}", system, "Linux #{Etc.uname[:release][/\A[\d.]+/]}", "Ruby #{RUBY_VERSION}"].compact.join(", ")
    end
  end
end
