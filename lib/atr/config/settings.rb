# frozen_string_literal: true

require_relative "../names"
require_relative "log_kinds"
require_relative "setting"

module Atr
  class Config
    # Every setting there is, with its default. Units are in the names.
    #
    # @api private
    module Settings
      T = Types
      private_constant :T

      PORT = T.integer(0..65_535)
      COUNT = T.integer(1..1_000_000_000)
      BYTES = T.integer(1..(1 << 40))
      # A second is the least of what ends something that hangs; a day is more than anybody waits.
      DEADLINE = T.seconds(0.001..86_400)
      WAIT = T.seconds(0..86_400)
      private_constant :PORT, :COUNT, :BYTES, :DEADLINE, :WAIT

      LOCAL = "127.0.0.1"
      REDIS_OF_THIS_HOST = "redis://127.0.0.1:6379/0"

      # `test` in tests, else `redis` where a Redis is configured, else `memory`, which needs nothing else.
      DEFAULT_BROKER = lambda do |config|
        next "test" if Atr.environment == "test"

        config.set?(:redis_url) ? "redis" : "memory"
      end
      # Who asks for the Redis broker and says no more means the one that the original gem used.
      DEFAULT_REDIS_URL = ->(config) { REDIS_OF_THIS_HOST if config.set?(:broker) && config.broker == "redis" }
      # Where a publisher finds the server: on this machine, unless said otherwise.
      DEFAULT_ADMIN_URL = lambda do |config|
        next unless (host = config.admin_host)

        host = { "0.0.0.0" => LOCAL, "::" => "::1" }.fetch(host, host)
        "http://#{host.include?(":") ? "[#{host}]" : host}:#{config.admin_port}"
      end

      ALL = [
        # The app's own classes
        Setting.new(:authenticate_with, T.class_or_name, optional: true),
        Setting.new(:scope_with, T.class_or_name, optional: true),
        Setting.new(:event_serializer, T.class_or_name, optional: true, alias_name: :serialize_events_with),
        Setting.new(:on_publish_error, T.callable, optional: true, code: true),
        # Logs
        Setting.new(:logger, T.logger, optional: true, code: true),
        Setting.new(:log_level, T.choice("debug", "info", "warn", "error"), optional: true),
        # Where things are
        Setting.new(:server_host, T.host, LOCAL),
        Setting.new(:server_port, PORT, 7777),
        Setting.new(:admin_host, T.host, LOCAL, optional: true),
        Setting.new(:admin_port, PORT, 7778),
        Setting.new(:admin_url, T.url("http"), DEFAULT_ADMIN_URL, optional: true),
        Setting.new(:secret, T.text, optional: true, secret: true),
        Setting.new(:broker, T.choice("memory", "redis", "test"), DEFAULT_BROKER, optional: true),
        Setting.new(:redis_url, T.url("redis", "unix", "redis+unix", "valkey"), DEFAULT_REDIS_URL,
                    optional: true, environment: ["REDIS_URL"]),
        Setting.new(:redis_namespace, T.text("1-255 bytes without white space or braces") { |name| Names.valid?(name) }, "atr"),
        Setting.new(:publish_on_routing_key, T.boolean, true),
        # Who may come in
        Setting.new(:gate_threads, T.integer(1..1000), 4),
        Setting.new(:gate_queue_size, COUNT, 1024),
        Setting.new(:gate_deadline_seconds, DEADLINE, 5.0),
        Setting.new(:allowed_origins, T.origins, [].freeze),
        Setting.new(:trusted_proxies, T.address_ranges, [].freeze),
        Setting.new(:path_prefix, T.text("a path that begins with /") { |path| path.start_with?("/") }, optional: true),
        # What clients that were away can still get
        Setting.new(:log_size, LogKinds::SIZE, 100),
        Setting.new(:log_ttl_seconds, LogKinds::TTL, 300.0),
        Setting.new(:log_for, LogKinds.type, {}.freeze),
        Setting.new(:log_bytes, BYTES, 67_108_864),
        # Limits of the server
        Setting.new(:max_connections, COUNT, 100_000),
        Setting.new(:max_message_bytes, BYTES, 65_536),
        Setting.new(:max_head_bytes, T.integer(8192..(1 << 40)), 16_384),
        Setting.new(:head_timeout_seconds, DEADLINE, 10.0),
        Setting.new(:outbox_bytes, BYTES, 1_048_576),
        Setting.new(:max_event_bytes, BYTES, 1_048_576),
        Setting.new(:ping_interval_seconds, DEADLINE, 25.0),
        Setting.new(:subscription_grace_seconds, WAIT, 5.0),
        Setting.new(:shards, T.integer(1..1024), optional: true),
        Setting.new(:shutdown_timeout_seconds, WAIT, 10.0),
        Setting.new(:drain_seconds, WAIT, 5.0),
        # Limits of the publisher
        Setting.new(:publisher_queue_size, COUNT, 10_000),
        Setting.new(:publisher_queue_bytes, BYTES, 67_108_864),
        Setting.new(:flush_timeout_seconds, WAIT, 2.0)
      ].to_h { |setting| [setting.name, setting] }.freeze

      ALIASES = ALL.values.select(&:alias_name).to_h { |setting| [setting.alias_name, setting.name] }.freeze
      NAMES = [*ALL.keys, *ALIASES.keys].map(&:to_s).freeze

      module_function

      # @param name [Symbol, String]
      # @return [Setting]
      # @raise [ConfigurationError] when there is none of that name
      def find(name, where = nil)
        ALL[name] || ALL[ALIASES.fetch(name.to_s.to_sym, &:itself)] ||
          raise(ConfigurationError, "#{"#{where}: " if where}there is no setting #{name}#{hint(name, NAMES)}")
      end

      # @return [Array<String>] variables that look like settings and are none, each with what may be meant
      def strangers(environment)
        known = ALL.values.flat_map(&:environment_names)
        environment.keys.grep(/\AATR_/).reject { |name| known.include?(name) }.map { |name| name + hint(name, known) }
      end

      def hint(name, dictionary)
        near = defined?(DidYouMean::SpellChecker) ? DidYouMean::SpellChecker.new(dictionary:).correct(name.to_s).first : nil
        near ? " (did you mean #{near}?)" : ""
      end
    end
  end
end
