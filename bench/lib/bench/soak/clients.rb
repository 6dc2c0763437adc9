# frozen_string_literal: true

require_relative "../program"

module Bench
  class Soak
    # Speaks with the program `churn`, which holds all clients (see bench/src/bin/churn).
    class Clients
      STEADY = 60
      CROWD = 200

      Status = Struct.new(:open, :events, :calm, :fault_count, :faults, :present, :came, :refused, :failed, keyword_init: true)

      def initialize(address, scopes:)
        @program = Program.new("the clients", Tools.program("churn"), "--server", address, "--steady", STEADY.to_s,
                               "--scopes", scopes.to_s, "--crowd", CROWD.to_s)
      end

      %i[stay come go status].each { |name| define_method(name) { command(name) } }

      def close
        @program.close
      end

      private

      def command(name)
        Status.new(**@program.command(name).to_h { |member, value| [member, parse(member, value)] })
      end

      def parse(name, value)
        case name
        when :calm then value.split(",").map(&:to_i)
        when :faults then value.tr("_", " ").split("; ")
        else value.to_i
        end
      end
    end
  end
end
