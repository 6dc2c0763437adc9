# frozen_string_literal: true

require "logger"
require "stringio"

# Servers and clients in the process of the examples; both end with the example.
module Embedded
  def self.included(base)
    base.after do
      clients.each(&:disconnect)
      servers.each { |server| server.stop(timeout: 1) }
      Atr.reset!
    end
  end

  def servers
    @servers ||= []
  end

  def clients
    @clients ||= []
  end

  # @return [StringIO] what the servers have logged
  def log
    @log ||= StringIO.new
  end

  # @return [Atr::Server] on free ports; the publisher of this process sends to where it listens
  def start_server(**settings)
    unless Atr.config.frozen?
      Atr.configure do |config|
        config.secret = "secret of the specs"
        config.broker = "memory"
        config.logger = Logger.new(log, level: :info)
        yield config if block_given?
      end
    end
    Atr::Server.start(port: 0, admin_port: 0, **settings).tap { |server| servers << server }
  end

  # @param headers [Hash{String => String}]
  # @return [WebSocketClient] admitted, and in its scopes
  def connect(server = servers.last, path = "/", **headers)
    client = WebSocketClient.open(port: server.port, path:, headers:).tap { |one| clients << one }
    # Whoever is answered has been let into the table of connections.
    client.texts_so_far
    client
  end

  # @return [WebSocketClient] that may have been refused
  def knock(server = servers.last, path = "/", **headers)
    WebSocketClient.new(port: server.port, path:, headers:).tap { |one| clients << one }
  end

  # @return [Integer] the status of the answer
  def status(path = "/", **headers)
    knock(servers.last, path, **headers).status
  end

  # @return [Array<Thread>] of atr, in this process
  def atr_threads
    Thread.list.select { |thread| thread.name&.start_with?("atr.") && thread.alive? }
  end
end
