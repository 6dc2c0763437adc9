# frozen_string_literal: true

# Run by `rake gem:smoke` with the path of a GEM_HOME: everything of atr has to come from there, and to work.
home = File.realpath(ARGV.fetch(0))
require "atr"
require_relative "websocket_client"

Atr.configure do |config|
  config.broker = "memory"
  config.secret = "secret of the smoke test"
end
server = Atr::Server.start(port: 0, admin_port: 0)
client = WebSocketClient.open(port: server.port)
client.texts_so_far
Atr.publish("gem.installed", { version: Atr::VERSION })
event = client.next_event
client.disconnect
server.stop

abort "the event is wrong: #{event}" unless event.values_at("name", "record") == ["gem.installed", { "version" => Atr::VERSION }]
loaded = $LOADED_FEATURES.grep(%r{/atr[^/]*/lib/|/atr\.(?:so|bundle)\z})
strangers = loaded.reject { |file| File.realpath(file).start_with?("#{home}/") }
abort "not from the installed gem: #{strangers}" if loaded.empty? || strangers.any?
puts "an event came through atr #{Atr::VERSION}, all #{loaded.size} files of it installed"
