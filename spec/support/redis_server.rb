# frozen_string_literal: true

require "fileutils"
require "redis"
require "socket"
require "tmpdir"
require_relative "eventually"

# A redis-server of the suite's own: free port, temporary directory, nothing kept. It can die and come back on its port.
class RedisServer
  # @return [RedisServer] one that answers; it ends with the suite at the latest
  def self.start
    new.start
  end

  attr_reader :port, :pid

  def initialize
    @directory = Dir.mktmpdir("atr-redis")
    @owner = Process.pid
    at_exit { close if Process.pid == @owner }
  end

  def url
    "redis://127.0.0.1:#{port}/0"
  end

  def start(port: nil)
    # A free port may be taken by another program before Redis has it: then the next one.
    3.times do
      @port = port || free_port
      spawn_on(@port)
      return self if answers?
    end
    raise "redis-server did not start: #{File.read(log)}"
  end

  # As a power cut: no goodbye to anybody.
  def kill
    signal(:KILL)
    reap
  end

  def stop
    signal(:TERM)
    reap
  end

  # Starts again on the same port, empty.
  def restart
    stop if pid
    start(port: port)
  end

  # Redis is there but does nothing, as on a host that hangs.
  def pause
    signal(:STOP)
  end

  def resume
    signal(:CONT)
  end

  def close
    kill if pid
    FileUtils.rm_rf(@directory)
  end

  # @return [Redis] a client of the suite, as somebody else's program would have
  def client
    Redis.new(url: url, timeout: 5)
  end

  # Sends one command on a connection of its own.
  def command(*arguments)
    connection = client
    connection.call(*arguments.map(&:to_s))
  ensure
    connection&.close
  end

  # @return [Integer] how many connections are subscribed to the channel
  def subscribers(channel)
    command("PUBSUB", "NUMSUB", channel).last
  end

  # Waits until somebody is subscribed to the channel.
  def wait_for_subscriber(channel, within: Deadline::DEFAULT_SECONDS)
    deadline = Deadline.new(within)
    until subscribers(channel).positive?
      deadline.missed!("a subscriber of #{channel}") if deadline.passed?
      sleep Eventually::POLL_SECONDS
    end
  end

  private

  def log
    File.join(@directory, "log")
  end

  def free_port
    TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
  end

  def spawn_on(port)
    @pid = Process.spawn("redis-server", "--port", port.to_s, "--bind", "127.0.0.1", "--dir", @directory, "--save", "",
                         "--appendonly", "no", out: log, err: %i[child out], pgroup: true)
  end

  def answers?
    deadline = Deadline.new
    until deadline.passed?
      if Process.wait(pid, Process::WNOHANG)
        @pid = nil
        return false
      end
      return true if ping?
    end
    false
  end

  def ping?
    Socket.tcp("127.0.0.1", port, connect_timeout: 1) do |socket|
      socket.write("PING\r\n")
      socket.wait_readable(1) && socket.readpartial(16).start_with?("+PONG")
    end
  rescue SystemCallError, EOFError
    sleep Eventually::POLL_SECONDS
    false
  end

  def signal(name)
    Process.kill(name, pid) if pid
  end

  def reap
    return unless pid

    signal(:CONT)
    Process.wait(pid)
    @pid = nil
  end
end
