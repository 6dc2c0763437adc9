# frozen_string_literal: true

require "io/nonblock"
require "io/wait"
require "json"

class Chromium
  # The browser's process and the pipe to it: DevTools messages, each one JSON and a zero byte, on its descriptors 3 and 4.
  # No port is opened. The browser ends when the pipe closes, so it cannot outlive the program that started it.
  class Connection
    CALL_SECONDS = 30
    CLOSE_SECONDS = 5
    CHUNK_BYTES = 1 << 20

    # @param command [Array<String>] the browser and its switches
    # @param pgroup [Boolean, Integer] as for `Process.spawn`
    def initialize(command, pgroup:)
      theirs_in, @out = IO.pipe(binmode: true)
      @in, theirs_out = IO.pipe(binmode: true)
      # Ruby's pipes do not block, and Chromium takes the EAGAIN of one for its end.
      [theirs_in, theirs_out].each { |io| io.nonblock = false }
      @pid = Process.spawn(*command, "--remote-debugging-pipe", 3 => theirs_in, 4 => theirs_out, in: File::NULL,
                                                                %i[out err] => File::NULL, pgroup: pgroup)
      @buffer = String.new(encoding: Encoding::BINARY)
      @answers = {}
      @last_id = 0
    ensure
      theirs_in&.close
      theirs_out&.close
    end

    # @yieldparam event [Hash] whatever the browser tells without being asked
    def on_event(&block)
      @event_handler = block
    end

    # Sends a command and waits for its answer; events that come meanwhile are handled.
    # @param session [String, nil] whose command it is: a page's, or the browser's
    # @return [Hash] the result
    # @raise [Error] if the browser refuses it, has ended or does not answer
    def call(method, params = {}, session: nil, seconds: CALL_SECONDS)
      id = post(method, params, session: session)
      deadline = Deadline.new(seconds)
      read_message(deadline, method) until @answers.key?(id)
      answer = @answers.delete(id)
      raise Error, "#{method}: #{answer["error"].values_at("message", "data").compact.join(": ")}" if answer["error"]

      answer["result"]
    end

    # Sends a command whose answer does not matter.
    # @return [Integer] its id
    def post(method, params = {}, session: nil)
      @last_id += 1
      message = { id: @last_id, method: method, params: params, sessionId: session }.compact
      @out.write("#{JSON.generate(message)}\0")
      @last_id
    rescue Errno::EPIPE, IOError
      raise Error, "#{method}: the browser has ended"
    end

    # Handles what the browser has told for so many seconds.
    def listen(seconds)
      deadline = Deadline.new(seconds)
      read_message(deadline, "listening") while buffered? || @in.wait_readable(deadline.left)
    end

    # Asks the browser to end, then makes it.
    def close
      post("Browser.close")
    rescue Error
      nil
    ensure
      @out.close
      reap
      @in.close
    end

    private

    def buffered?
      @buffer.include?("\0")
    end

    def read_message(deadline, what)
      until buffered?
        deadline.wait_readable(@in, "the browser's answer to #{what}")
        @buffer << @in.read_nonblock(CHUNK_BYTES)
      end
      handle(JSON.parse(@buffer.slice!(0..@buffer.index("\0")).chomp("\0").force_encoding(Encoding::UTF_8)))
    rescue EOFError
      raise Error, "#{what}: the browser has ended"
    rescue Deadline::Missed => e
      raise Error, e.message
    end

    def handle(message)
      message["id"] ? @answers[message["id"]] = message : @event_handler&.call(message)
    end

    # The browser still writes while it ends: what it says is read, or it might wait for us.
    def reap
      deadline = Deadline.new(CLOSE_SECONDS)
      until Process.wait(@pid, Process::WNOHANG)
        Process.kill(:KILL, @pid) if deadline.passed?
        @in.read_nonblock(CHUNK_BYTES, exception: false) if @in.wait_readable(0.05)
      end
    end
  end
end
