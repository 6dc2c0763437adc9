# frozen_string_literal: true

# Has the native library do everything that it can do, once and small: `rake memcheck` runs this under valgrind.

require "logger"
require "stringio"
require "timeout"
require "atr"
require_relative "../support/websocket_client"

log = StringIO.new
authenticator = Class.new(Atr::RequestAuthenticator) do
  define_method(:matches?) do
    case request.path
    when "/raise" then raise "oh no"
    when "/exit" then Thread.exit
    when "/drop" then sleep
    else request.headers.to_h && params && request.env && request.path != "/no"
    end
  end
end
scope = Class.new(Atr::RequestScope) do
  define_method(:matches?) { true }
  define_method(:routing_key) { params.fetch(:scope, "a").split(",") }
end

Atr.configure do |config|
  config.secret = "secret of the memory check"
  config.broker = "memory"
  config.logger = Logger.new(log)
  config.authenticate_with = authenticator
  config.scope_with = scope
  config.gate_threads = 2
  config.gate_deadline_seconds = 20
end

def check(what, expected, actual)
  abort "#{what}: #{expected.inspect} was expected, not #{actual.inspect}" unless expected == actual
end

def gate_threads
  Thread.list.select { |thread| thread.name&.start_with?("atr.gate.") }.each { |thread| thread.report_on_exception = false }
end

3.times do
  server = Atr::Server.start(port: 0, admin_port: 0)
  status = ->(path) { WebSocketClient.status(port: server.port, path:, within: 60) }
  clients = Array.new(5) { WebSocketClient.open(port: server.port, within: 60).tap(&:texts_so_far) }

  check "statuses", [500, 500, 401, 403, 101], ["/raise", "/exit", "/no", "/?scope=a%20b", "/?scope=b,c"].map(&status)
  victims = gate_threads
  victims.first.kill
  victims.last.raise("somebody's mistake")
  victims.each { |thread| thread.join rescue nil } # rubocop:disable Style/RescueModifier -- it gives the mistake back
  check "the status after the threads were ended", 101, status.call("/")

  100.times { |number| Atr.publish("number.told", { number: }, scope: "a") }
  check "the flush", true, Atr.flush(60)
  clients.each { |client| check("events", [*0..99], Array.new(100) { client.next_event(within: 60).dig("record", "number") }) }
  Atr.publish("large.told", "x" * 500_000, scope: "a")
  clients.each { |client| client.next_event(within: 60) }

  # A wait that is interrupted.
  begin
    Timeout.timeout(0.01) { server.wait }
  rescue Timeout::Error
    nil
  end

  child = fork do
    GC.start
    begin
      server.stats
    rescue Atr::ForkError
      Atr.publish("child.told", nil, scope: "a")
      exit!(Atr.flush(60) ? 0 : 1)
    end
  end
  check "the child's status", 0, Process.wait2(child).last.exitstatus
  clients.first.disconnect
  goodbyes = clients.drop(1).map { |client| Thread.new { client.part(within: 60) } }
  check "the stop", true, server.stop(timeout: 60)
  check "the goodbyes", [1012] * 4, goodbyes.map(&:value)
  GC.start
end
check "the threads that are left", [], gate_threads
Atr.reset!
GC.start
puts "all was exercised"
