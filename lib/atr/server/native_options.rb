# frozen_string_literal: true

module Atr
  class Server
    # Says the settings as the native server wants them: every option there, none left to a default.
    #
    # @api private
    module NativeOptions
      # What is handed over under its own name.
      SAME = %i[
        admin_host admin_port broker redis_url redis_namespace gate_queue_size gate_deadline_seconds max_connections
        max_message_bytes max_head_bytes head_timeout_seconds outbox_bytes max_event_bytes ping_interval_seconds
        subscription_grace_seconds log_bytes drain_seconds
      ].freeze

      module_function

      # @param config [Config]
      # @param debug_log [Boolean] whether lines of the level debug, one for each connection, are wanted
      # @return [Hash{Symbol => Object}]
      # @raise [ConfigurationError] when publishers need a token and no secret is configured, or for the broker `test`
      def from(config, debug_log:)
        refuse_test_broker if config.broker == "test"
        SAME.to_h { |name| [name, config.public_send(name)] }.merge(
          **config.log_options,
          host: config.server_host,
          port: config.server_port,
          admin_token: admin_token(config),
          gate_required: config.authenticate? || config.scope?,
          # 0 is one a core.
          shards: config.shards || 0,
          debug_log:
        )
      end

      def refuse_test_broker
        raise ConfigurationError, "broker is test, which records events and sends none: a server needs memory or redis " \
                                  "(config.broker, ATR_BROKER, --broker=memory)"
      end

      # With Redis nobody sends events to the admin port, so that no secret is needed.
      def admin_token(config)
        config.admin_token if config.broker == "memory" && config.admin_host
      end
    end
  end
end
