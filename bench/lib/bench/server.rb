# frozen_string_literal: true

require_relative "child"
require_relative "machine"
require_relative "meter"
require_relative "tools"

module Bench
  # A server that runs and can be measured.
  class Server
    LISTENING = %r{[Ll]istening on (?:http://)?(127\.0\.0\.1:\d+)}

    # How a server is started and spoken to. `command` and `environment` are made from the Redis.
    # `heartbeat`: it does something while nobody asks it to, and is stopped while others are measured.
    # `slow`: a single event takes long enough to be measured. `accepts_only`: it delivers as another one does.
    Kind = Struct.new(:name, :label, :command, :environment, :channel, :target, :protocol, :heartbeat, :slow, :accepts_only,
                      keyword_init: true)

    attr_reader :meter, :address

    def initialize(kind, redis, core: Machine.server_core)
      @kind = kind
      environment = kind.environment ? kind.environment.call(redis) : {}
      @child = Child.new(kind.name, kind.command.call(redis), core: core, environment: environment)
      @address = @child.wait_for_output(LISTENING)[1]
      @meter = Meter.new(@child.pid)
      meter.settle
    end

    def name
      @kind.name
    end

    def target
      @kind.target || "/"
    end

    def protocol
      @kind.protocol || "plain"
    end

    def channel
      @kind.channel
    end

    # Runs the block; what the server does by itself meanwhile is its own cost, at other times it does nothing.
    def awake
      @child.signal(:CONT) if @kind.heartbeat
      meter.settle if @kind.heartbeat
      yield
    ensure
      @child.signal(:STOP) if @kind.heartbeat
    end

    # @return [Array(Object, Float)] the block's result, and the processor time that the server took for it in seconds
    def measure
      before = meter.cpu
      result = yield
      [result, meter.cpu - before]
    end

    def stop
      @child.stop
    end
  end
end
