# frozen_string_literal: true

require "digest"
require "json"
require "securerandom"
require "socket"
require_relative "deadline"

# A websocket client over a plain socket: shows every frame as it came, sends any bytes one likes, and never waits without a deadline.
class WebSocketClient
  Frame = Struct.new(:opcode, :payload, :fin, keyword_init: true) do
    def text?
      opcode == TEXT
    end

    # @return [Array(Integer, String), nil] code and reason of a close frame
    def close
      return unless opcode == CLOSE

      [payload.unpack1("n"), (payload.byteslice(2..) || "").force_encoding(Encoding::UTF_8)]
    end
  end

  TEXT = 0x1
  BINARY = 0x2
  CLOSE = 0x8
  PING = 0x9
  PONG = 0xA
  GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  class NotAdmitted < StandardError; end

  # Opens a connection that the server must admit.
  # @raise [NotAdmitted] with the answer
  def self.open(**options)
    client = new(**options)
    return client if client.open?

    client.disconnect
    raise NotAdmitted, "#{client.status} #{client.body}"
  end

  # @return [Integer] the status of the server's answer to this request for an upgrade
  def self.status(**options)
    client = new(**options)
    client.status
  ensure
    client&.disconnect
  end

  # @return [Integer] of the answer: 101 when the server admitted this client
  attr_reader :status
  # @return [Hash{String => String}] of the answer, names in lower case
  attr_reader :headers
  # @return [String] of a refusal
  attr_reader :body
  attr_reader :socket

  # @param path [String] what stands in the request line, with the query
  # @param headers [Hash{String => String, nil}] added to, or taking the place of, the usual ones; nil leaves one out
  def initialize(port:, path: "/", headers: {}, host: "127.0.0.1", within: Deadline::DEFAULT_SECONDS)
    @buffer = String.new(encoding: Encoding::BINARY)
    @key = SecureRandom.base64(16)
    @deadline_seconds = within
    @socket = Socket.tcp(host, port, connect_timeout: within)
    @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    send_bytes(request(path, usual_headers("#{host}:#{port}").merge(headers)))
    read_answer
  end

  def open?
    status == 101
  end

  def send_text(text)
    send_frame(TEXT, text)
  end

  def ping(payload = "")
    send_frame(PING, payload)
  end

  # Says goodbye; what the server answers is read by {#next_close}.
  def close(code = 1000, reason = "")
    send_frame(CLOSE, [code].pack("n") + reason.b)
  end

  # Drops the connection without a word.
  def disconnect
    socket.close
  end

  def send_frame(opcode, payload, fin: true, masked: true)
    send_bytes(encode(opcode, payload.b, fin, masked))
  end

  def send_bytes(bytes)
    socket.write(bytes)
  end

  # @return [Frame] the next one, of any kind
  # @raise [Deadline::Missed] or [EOFError] when the server hung up
  def next_frame(within: @deadline_seconds)
    deadline = Deadline.new(within)
    first, second = take(2, deadline).unpack("CC")
    length = second & 0x7F
    length = take(2, deadline).unpack1("n") if length == 126
    length = take(8, deadline).unpack1("Q>") if length == 127
    raise "a server must not mask" if second & 0x80 != 0

    Frame.new(opcode: first & 0x0F, fin: first & 0x80 != 0, payload: take(length, deadline))
  end

  # @return [String] the next text frame's; pings are answered on the way
  def next_text(within: @deadline_seconds)
    frame = next_but_pings(within)
    raise "a text was expected, not #{frame.inspect}" unless frame.text?

    frame.payload.force_encoding(Encoding::UTF_8)
  end

  # @return [Hash] the next event
  def next_event(within: @deadline_seconds)
    JSON.parse(next_text(within: within))
  end

  # @return [Array(Integer, String)] the server's close frame: code and reason; texts before it are skipped
  def next_close(within: @deadline_seconds)
    deadline = Deadline.new(within)
    loop do
      frame = next_frame(within: deadline.left)
      return frame.close if frame.opcode == CLOSE
    end
  end

  # Reads up to the server's goodbye, answers it and hangs up, as a browser does.
  # @return [Integer] the server's code
  def part(within: @deadline_seconds)
    code, = next_close(within:)
    close(code)
    wait_for_end(within:)
    disconnect
    code
  end

  # Waits until the server has closed the TCP connection.
  # @return [true]
  def wait_for_end(within: @deadline_seconds)
    deadline = Deadline.new(within)
    loop { next_frame(within: deadline.left) }
  rescue EOFError, Errno::ECONNRESET
    true
  end

  # Asks the server something that it answers in order: all that was sent before has come when this returns.
  # @return [Array<String>] the texts that came before the answer
  def texts_so_far
    send_text("ping")
    texts = []
    while (text = next_text) != "pong"
      texts << text
    end
    texts
  end

  private

  def usual_headers(host)
    { "Host" => host, "Upgrade" => "websocket", "Connection" => "Upgrade", "Sec-WebSocket-Version" => "13", "Sec-WebSocket-Key" => @key }
  end

  def request(path, headers)
    lines = headers.compact.flat_map { |name, values| Array(values).map { |value| "#{name}: #{value}" } }
    ["GET #{path} HTTP/1.1", *lines, "", ""].join("\r\n")
  end

  def read_answer
    deadline = Deadline.new(@deadline_seconds)
    fill(deadline) until (head_size = @buffer.index("\r\n\r\n"))
    status_line, *lines = @buffer.slice!(0, head_size + 4).split("\r\n")
    @status = status_line.split[1].to_i
    @headers = lines.to_h { |line| line.split(/:\s*/, 2).then { |name, value| [name.downcase, value] } }
    open? ? check_accept : @body = take(headers["content-length"].to_i, deadline)
  end

  def check_accept
    raise "wrong Sec-WebSocket-Accept" unless headers["sec-websocket-accept"] == Digest::SHA1.base64digest(@key + GUID)
  end

  def next_but_pings(within)
    deadline = Deadline.new(within)
    loop do
      frame = next_frame(within: deadline.left)
      return frame unless frame.opcode == PING

      send_frame(PONG, frame.payload)
    end
  end

  def encode(opcode, payload, fin, masked)
    head = [opcode | (fin ? 0x80 : 0)].pack("C") + length_bytes(payload.bytesize, masked ? 0x80 : 0)
    return head + payload unless masked

    mask = SecureRandom.bytes(4)
    keys = mask.bytes.cycle
    head + mask + payload.bytes.map { |byte| byte ^ keys.next }.pack("C*")
  end

  def length_bytes(size, mask_bit)
    return [size | mask_bit].pack("C") if size < 126

    size < 65_536 ? [126 | mask_bit, size].pack("Cn") : [127 | mask_bit, size].pack("CQ>")
  end

  def take(size, deadline)
    fill(deadline) while @buffer.bytesize < size
    @buffer.slice!(0, size)
  end

  def fill(deadline)
    deadline.wait_readable(socket, "an answer of the server")
    @buffer << socket.readpartial(65_536)
  end
end
