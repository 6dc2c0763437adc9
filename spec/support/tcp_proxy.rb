# frozen_string_literal: true

require "socket"

# A network between clients and a server, on a port of its own, that can be cut and mended.
class TcpProxy
  # @param port [Integer] of the server
  # @param refuses [Proc, nil] given the first bytes of a connection, says whether it gets no further
  # @yieldparam proxy [TcpProxy] which ends with the block
  def self.open(port, refuses: nil)
    proxy = new(port, refuses)
    yield proxy
  ensure
    proxy&.cut
  end

  # @return [Integer] where it listens; the same all its life
  attr_reader :port
  # @return [Array<String>] the first bytes of each connection
  attr_reader :heads

  def initialize(target, refuses)
    @target = target
    @refuses = refuses || proc { false }
    @lock = Mutex.new
    @thawed = ConditionVariable.new
    @sockets = []
    @heads = []
    @port = 0
    mend
  end

  # Closes every connection, and refuses new ones.
  def cut
    @listener&.close
    @listener = nil
    thaw
    @lock.synchronize { @sockets.each { |socket| reset(socket) }.clear }
  end

  # Lets connections in again.
  def mend
    @listener = TCPServer.new("127.0.0.1", @port)
    @port = @listener.addr[1]
    listener = @listener
    quietly { loop { admit(listener.accept) } }
  end

  # Lets nothing through that comes from now on, and tells nobody: a network that is gone without a word.
  def freeze_traffic
    @lock.synchronize { @frozen = true }
  end

  def thaw
    @lock.synchronize do
      @frozen = false
      @thawed.broadcast
    end
  end

  private

  def admit(client)
    quietly do
      head = client.readpartial(65_536)
      @lock.synchronize { @heads << head }
      next reset(client) if @refuses.call(head)

      server = TCPSocket.new("127.0.0.1", @target)
      @lock.synchronize { @sockets.push(client, server) }
      pass(head, server)
      quietly { pump(client, server) }
      pump(server, client)
    ensure
      client.close
    end
  end

  def pump(from, to)
    loop { pass(from.readpartial(65_536), to) }
  ensure
    [from, to].each(&:close)
  end

  def pass(bytes, to)
    @lock.synchronize { @thawed.wait(@lock) while @frozen }
    to.write(bytes)
  end

  # Without a goodbye.
  def reset(socket)
    socket.setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, [1, 0].pack("ii"))
    socket.close
  rescue IOError, SystemCallError
    # It has ended by itself.
  end

  # A connection that ends, at whatever moment, is what this is for.
  def quietly
    Thread.new do
      yield
    rescue IOError, SystemCallError
      # Whoever reads from the other side is told by its own socket.
    end
  end
end
