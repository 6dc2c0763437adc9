# frozen_string_literal: true

require "English"
require "rbconfig"
require_relative "eventually"

# The real `exe/atr_server` in a process of its own, on free ports, with all it prints.
class ServerProcess
  ROOT = File.expand_path("../..", __dir__)
  EXECUTABLE = File.join(ROOT, "exe", "atr_server")
  STARTED = /listening on \S+:(\d+)/
  ADMIN = /admin on \S+:(\d+)/

  # Starts a server and waits until it listens; with a block, stops it afterwards.
  # @param options [Hash{Symbol => Object}] flags: `redis_url: "…"` is `--redis_url=…`
  # @param environment [Hash{String => String, nil}]
  def self.start(options = {}, environment: {}, chdir: ROOT)
    process = new({ server_port: 0, admin_port: 0 }.merge(options), environment: environment, chdir: chdir)
    process.wait_until_listening
    return process unless block_given?

    begin
      yield process
    ensure
      process.stop
    end
  end

  attr_reader :pid, :port, :admin_port

  def initialize(options = {}, environment: {}, chdir: ROOT, arguments: nil)
    @output = +""
    @lock = Mutex.new
    @grown = ConditionVariable.new
    reader, writer = IO.pipe
    arguments ||= ["start", *options.map { |name, value| "--#{name}=#{value}" }]
    @pid = Process.spawn(environment, RbConfig.ruby, "-I#{File.join(ROOT, "lib")}", EXECUTABLE, *arguments,
                         chdir: chdir, in: File::NULL, out: writer, err: writer)
    writer.close
    @reading = Thread.new { read_all(reader) }
    owner = Process.pid
    at_exit { kill if @status.nil? && Process.pid == owner }
  end

  # @return [String] what it has printed so far, on both streams
  def output
    @lock.synchronize { @output.dup }
  end

  # @return [MatchData]
  # @raise [Deadline::Missed] with what was printed instead
  def wait_for_output(pattern, within: Deadline::DEFAULT_SECONDS)
    deadline = Deadline.new(within)
    @lock.synchronize do
      until (match = @output.match(pattern))
        deadline.missed!("#{pattern.inspect} in #{@output.inspect}") if deadline.passed? || @ended
        @grown.wait(@lock, deadline.left)
      end
      match
    end
  end

  def wait_until_listening(within: 30)
    @port = wait_for_output(STARTED, within: within)[1].to_i
    @admin_port = output[ADMIN, 1]&.to_i
  end

  def signal(name)
    Process.kill(name, pid)
  end

  # Waits for the end of the process.
  # @return [Process::Status]
  def wait(within: Deadline::DEFAULT_SECONDS)
    return @status if @status

    deadline = Deadline.new(within)
    until Process.wait(pid, Process::WNOHANG)
      deadline.missed!("the end of the server process (#{output})") if deadline.passed?
      sleep Eventually::POLL_SECONDS
    end
    @status = $CHILD_STATUS
    @reading.join(deadline.left)
    @status
  end

  # Asks it to stop, and insists when it does not.
  # @return [Process::Status]
  def stop(within: Deadline::DEFAULT_SECONDS)
    return @status if @status

    signal(:TERM)
    wait(within: within)
  rescue Deadline::Missed
    kill
    raise
  end

  # Ends it without a word to anybody.
  def kill
    signal(:KILL)
    wait
  end

  private

  def read_all(reader)
    loop do
      chunk = reader.readpartial(65_536)
      @lock.synchronize do
        @output << chunk.force_encoding(Encoding::UTF_8)
        @grown.broadcast
      end
    end
  rescue EOFError
    reader.close
    @lock.synchronize do
      @ended = true
      @grown.broadcast
    end
  end
end
