# frozen_string_literal: true

module Atr
  class CLI
    # Keeps the process in the foreground until its server has stopped, and does what signals ask for. Traps only write a byte to
    # a pipe, on which the main thread waits in Ruby: it is never parked in native code, where a signal could be lost.
    #
    # @api private
    class Foreground
      # Signal => the byte that tells of it.
      SIGNALS = { "INT" => "S", "TERM" => "S", "TTIN" => "T" }.freeze
      ENDED = "E"

      # @param out [IO] what backtraces are printed to
      # @param at_once [Proc] ends the process without asking anybody
      def initialize(out: $stderr, at_once: -> { exit!(1) })
        @out = out
        @at_once = at_once
        @reader, @writer = IO.pipe
      end

      # Starts a server and returns when it has stopped. Signals count from before the start on.
      #
      # @yieldreturn [Server]
      # @return [void]
      # @raise [ServerError] when the server fails
      def run
        previous = SIGNALS.to_h { |signal, byte| [signal, trap(signal) { tell(byte) }] }
        server = yield
        waiter = Thread.new { wait(server) }
        serve(server)
        waiter.value
      ensure
        previous&.each { |signal, handler| trap(signal, handler || "DEFAULT") }
        server&.stop
      end

      private

      def serve(server)
        while (byte = @reader.read(1)) != ENDED
          byte == SIGNALS["TTIN"] ? print_backtraces : stop(server)
        end
      end

      def wait(server)
        Thread.current.name = "atr.wait"
        Thread.current.report_on_exception = false
        server.wait
      ensure
        tell(ENDED)
      end

      def stop(server)
        @at_once.call if @stopping
        @stopping = true
        Thread.new { server.stop }
      end

      def print_backtraces
        Thread.list.each do |thread|
          @out.puts "== #{thread.name || (thread == Thread.main ? "main" : thread.inspect)} (#{thread.status})", thread.backtrace.to_a, ""
        end
        @out.flush
      end

      # A full pipe has signals enough in it.
      def tell(byte)
        @writer.write_nonblock(byte, exception: false)
      end
    end
  end
end
