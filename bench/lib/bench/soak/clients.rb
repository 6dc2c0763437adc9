# frozen_string_literal: true

require_relative "../machine"
require_relative "../tools"

module Bench
  class Soak
    # Speaks with the program `churn`, which holds all clients (see bench/src/bin/churn).
    class Clients
      STEADY = 60
      CROWD = 200

      Status = Struct.new(:open, :events, :calm, :fault_count, :faults, :present, :came, :refused, :failed, keyword_init: true)

      def initialize(address, scopes:)
        @answers, out = IO.pipe
        input, @commands = IO.pipe
        @pid = Process.spawn(Tools.program("churn"), "--server", address, "--steady", STEADY.to_s, "--scopes", scopes.to_s,
                             "--crowd", CROWD.to_s, in: input, out: out)
        [input, out].each(&:close)
      end

      %i[stay come go status].each { |name| define_method(name) { command(name) } }

      def close
        @commands.close
        Process.kill(:KILL, @pid)
        Process.wait(@pid)
        @answers.close
      end

      private

      def command(name)
        @commands.puts(name)
        verdict, *words = @answers.gets.to_s.split
        raise Child::Failed, "the clients: #{words.join(" ")}" unless verdict == "ok"

        Status.new(**words.to_h { |word| parse(*word.split("=", 2)) })
      end

      def parse(name, value)
        value = case name
                when "calm" then value.split(",").map(&:to_i)
                when "faults" then value.tr("_", " ").split("; ")
                else value.to_i
                end
        [name.to_sym, value]
      end
    end
  end
end
