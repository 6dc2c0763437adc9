# frozen_string_literal: true

require "socket"

# Serves one page over HTTP, so that a browser has an origin to name.
class PageServer
  def initialize(html)
    @server = TCPServer.new("127.0.0.1", 0)
    head = ["HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: #{html.bytesize}", "Connection: close"]
    @response = [*head, "", html].join("\r\n")
    @thread = Thread.new { loop { serve } }
    @thread.report_on_exception = false
  end

  # @param host [String] a name of this machine
  def url(host = "127.0.0.1")
    "http://#{host}:#{@server.addr[1]}/"
  end

  def close
    @thread.kill
    @server.close
  end

  private

  def serve
    socket = @server.accept
    socket.wait_readable(5) && socket.readpartial(65_536)
    socket.write(@response)
  rescue SystemCallError, EOFError
    # A browser opens connections that it may not use.
  ensure
    socket&.close
  end
end
