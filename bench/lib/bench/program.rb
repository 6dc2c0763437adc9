# frozen_string_literal: true

require_relative "child"
require_relative "tools"

module Bench
  # A program of this workspace that does one command a line and answers each with a line, `ok name=value …` or `error …`.
  class Program
    # @param name [String] of whom messages speak
    # @param command [Array<String>]
    def initialize(name, *command)
      @name = name
      @answers, out = IO.pipe
      input, @commands = IO.pipe
      @pid = Process.spawn(*command, in: input, out: out)
      [input, out].each(&:close)
    end

    # @return [Hash{Symbol => String}] the answer's values
    # @raise [Child::Failed]
    def command(line)
      @commands.puts(line)
      answer
    rescue Errno::EPIPE
      answer
    end

    def close
      @commands.close
      Process.kill(:KILL, @pid)
      Process.wait(@pid)
      @answers.close
    end

    private

    def answer
      verdict, _, rest = @answers.gets.to_s.chomp.partition(" ")
      raise Child::Failed, "#{@name}: #{rest.empty? ? "the program ended" : rest}" unless verdict == "ok"

      rest.split.to_h { |word| word.split("=", 2) }.transform_keys(&:to_sym)
    end
  end
end
