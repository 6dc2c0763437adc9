# frozen_string_literal: true

require "socket"
require_relative "child"

module Bench
  # A Redis of the benchmark's own. It keeps nothing, unless it is to append everything to a file.
  class Redis
    attr_reader :port, :child

    def initialize(core: nil, appendonly: false)
      @core = core
      @appendonly = appendonly ? "yes" : "no"
      @directory = Dir.mktmpdir("redis", Child.directory)
      @port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
      start
    end

    # Starts it, again on the same port.
    def start
      command = ["redis-server", "--port", port.to_s, "--bind", "127.0.0.1", "--save", "", "--appendonly", @appendonly, "--dir", @directory]
      @child = Child.new("redis", command, core: @core)
      child.wait_until("answer", within: 10) { ping? }
    end

    def address
      "127.0.0.1:#{port}"
    end

    def url
      "redis://#{address}/0"
    end

    # @return [Integer] how many connections are subscribed to the channel
    def subscribers(channel)
      reply = Socket.tcp("127.0.0.1", port, connect_timeout: 1) do |socket|
        socket.write("PUBSUB NUMSUB #{channel}\r\n")
        # *2, the name's length, the name, the number.
        Array.new(4) { socket.gets }.last
      end
      reply.delete_prefix(":").to_i
    end

    # @return [Integer] bytes
    def used_memory
      Socket.tcp("127.0.0.1", port, connect_timeout: 1) do |socket|
        socket.write("INFO memory\r\n")
        socket.gets
        loop { (line = socket.gets).start_with?("used_memory:") && (return line[/\d+/].to_i) }
      end
    end

    def wait_for_subscriber(channel, within: 30)
      child.wait_until("subscriber of #{channel}", within: within) { subscribers(channel).positive? }
    end

    private

    def ping?
      Socket.tcp("127.0.0.1", port, connect_timeout: 1) do |socket|
        socket.write("PING\r\n")
        socket.gets.to_s.start_with?("+PONG")
      end
    rescue SystemCallError
      false
    end
  end
end
