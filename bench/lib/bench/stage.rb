# frozen_string_literal: true

require_relative "kinds"
require_relative "redis"
require_relative "resumers"

$LOAD_PATH.unshift(File.expand_path("../../../lib", __dir__))
require "atr"

module Bench
  # A server that can be killed and started again at the same address, its broker, and this process as the publisher.
  class Stage
    SECRET = "the secret of a benchmark"

    attr_reader :redis, :server

    # @param broker [String] redis or memory
    # @param aof [Boolean] whether Redis keeps what it has answered for
    # @param log_size [Integer] events that the log keeps of a scope
    def initialize(broker, aof: false, log_size: 100)
      Machine.raise_file_limit
      @broker = broker
      @log_size = log_size
      @redis = Redis.new(appendonly: aof) if broker == "redis"
      @ports = %w[--server_port=0 --admin_port=0]
      start_server
      listening = @server.wait_for_output(/listening on \S+:(\d+), admin on \S+:(\d+)/)
      @ports = ["--server_port=#{listening[1]}", "--admin_port=#{listening[2]}"]
      @url = "ws://127.0.0.1:#{listening[1]}/"
      configure_publisher(listening[2])
    end

    # @return [String] where clients connect to
    attr_reader :url

    def start_server
      broker = @redis ? ["--broker=redis", "--redis_url=#{@redis.url}"] : ["--broker=memory", "--secret=#{SECRET}"]
      @server = Child.new("atr", [*Kinds::ATR, *@ports, *broker, "--log_size=#{@log_size}"])
      @server.wait_for_output(/listening on/)
    end

    def kill_server
      @server.kill
    end

    # Publishes the next numbers.
    # @return [Integer] the last one
    def publish(count = 1)
      @number ||= 0
      count.times { Atr.publish("bench.tick", { n: @number += 1 }) || raise(Child::Failed, "the publisher took no event") }
      @number
    end

    def flush
      Atr.flush(30) || raise(Child::Failed, "the publisher did not settle: #{Atr.publisher.stats}")
    end

    def stop
      @server&.stop
      Atr.reset!
      @redis&.child&.stop
    end

    private

    def configure_publisher(admin_port)
      Atr.reset!
      Atr.config.broker = @broker
      Atr.config.logger = Logger.new(File.join(Child.directory, "publisher.log"))
      Atr.config.redis_url = @redis.url if @redis
      Atr.config.secret = SECRET
      Atr.config.log_size = @log_size
      Atr.config.admin_url = "http://127.0.0.1:#{admin_port}"
    end
  end
end
