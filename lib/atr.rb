# frozen_string_literal: true

# ActiveSupport 6.1 uses Logger without requiring it.
require "logger"
require "active_support"
require "active_support/core_ext/object/deep_dup"
require "active_support/lazy_load_hooks"

require_relative "atr/version"
require_relative "atr/errors"
require_relative "atr/rails_app"
require_relative "atr/config"
require_relative "atr/logging"
require_relative "atr/executor"

# From a model to the browser
require_relative "atr/event"
require_relative "atr/transactions"
require_relative "atr/publisher"
require_relative "atr/positions"
require_relative "atr/at_exit"
require_relative "atr/registry"
require_relative "atr/publishable"

# From the browser to the app's classes
require_relative "atr/request"
require_relative "atr/request_authenticator"
require_relative "atr/request_scope"
require_relative "atr/server"

# Live events for Rails: a model includes {Publishable}, its events go out as JSON, and every browser that is connected in
# the right scope has them. The methods here are what an app uses; nothing starts before one of them is called.
module Atr
  # The native library is loaded when it is first used: see {Native}.
  autoload :Native, File.expand_path("atr/native", __dir__)

  @lock = Monitor.new

  class << self
    # Yields the settings. In a Rails app that is still booting the block is kept until classes of the app can be named, and
    # is run again when code was reloaded.
    #
    # @example
    #   Atr.configure do |config|
    #     config.authenticate_with = ::WebsocketAuthenticator
    #     config.scope_with = ::WebsocketScope
    #   end
    # @yieldparam config [Config]
    # @return [void]
    # @raise [ConfigurationError]
    def configure(&block)
      apply(&block) unless defined?(Railtie) && Railtie.keep(&block)
    end

    # @return [Config]
    def config
      @config || @lock.synchronize { @config ||= Config.new }
    end
    alias configuration config

    # Publishes an event, after the commit if a transaction is open. What goes wrong is logged and counted, never raised.
    #
    # @param event [Event]
    # @return [Boolean, nil] whether the event was taken; nil when it waits for a commit
    def publish_event(event)
      Transactions.after_commit { publisher.publish(event) }
    end

    # Publishes an event at once, whether a transaction is open or not, and waits for the broker's answer.
    #
    # @param event [Event]
    # @param timeout_seconds [Float] how long to wait
    # @return [String, nil] the event's position in the log of its scope; nil when that has none
    # @raise [PublishError] when the broker did not take it
    def publish_event!(event, timeout_seconds: Publisher::ANSWER_SECONDS)
      publisher.publish!(event, timeout_seconds:)
    end

    # Publishes what is no record.
    #
    # @example
    #   Atr.publish("import.finished", { rows: 12 }, scope: "organization.1234")
    # @param name [String] of the event
    # @param payload [Object] anything that can be JSON; as it is now, also when the event waits for a commit
    # @param scope [String, nil] who may see it; nil for all unscoped connections
    # @return [Boolean, nil] as {publish_event}
    def publish(name, payload, scope: nil)
      name = name.to_s
      payload = payload.as_json.deep_dup unless payload.respond_to?(:attributes)
      publish_event(Event.new(scope.nil? ? name : "#{scope}.#{name}", name, payload))
    rescue *Publisher::FAILURES => e
      publisher.failed(e, Event.new(name, name, nil))
      false
    end

    # Where the log of a scope ends: a client that starts there gets what is published from now on. For a page, take it before
    # its data is read: an event between the two comes twice then, and not never.
    #
    # @example
    #   Atr.position("organization.1") # => "8f3a52c1d09e4b76:17"
    # @param scope [String, Array, nil] a scope, or its parts: `["organization", 1]`; nil for the unscoped events
    # @return [String, nil] nil for a scope without a log, and, after a second at most and with a warning, when the broker cannot
    #   be reached. With the broker `test` positions are `0000000000000000:` and how many events of the scope there were
    def position(scope)
      positions(scope).values.first
    end

    # The same for several scopes, asked for at once.
    #
    # @param scopes [Array<String, Array, nil>]
    # @return [Hash{String => String, nil}] by the scopes' names
    def positions(*scopes)
      Positions.of(scopes)
    end

    # Waits until the broker has answered for all that this process has published so far.
    #
    # @param timeout_seconds [Float]
    # @return [Boolean] whether it has
    def flush(timeout_seconds = config.flush_timeout_seconds)
      publisher.flush(timeout_seconds)
    end

    # @return [Array<String>] names of all events: `["post.created", …]`
    def channels
      Registry.channels
    end

    # @return [Logger] the configured one, else Rails', else one for the standard error stream
    def logger
      Logging.logger(config)
    end

    # @return [Publisher] of this process
    def publisher
      @publisher || @lock.synchronize { @publisher ||= Publisher.new(config) }
    end

    # @return [#wrap] what the app's code is run in
    def executor
      Executor
    end

    # @return [String] `development`, `test`, `production`, …
    def environment
      RailsApp.environment
    end

    # @return [Boolean]
    def production?
      environment == "production"
    end

    # Runs a block of settings now.
    #
    # @api private
    def apply(load_hooks: true)
      yield config
      ActiveSupport.run_load_hooks(:atr, self) if load_hooks
    end

    # Ends the publisher; the next event makes a new one.
    #
    # @api private
    def reset_publisher
      publisher = @lock.synchronize { @publisher.tap { @publisher = nil } }
      publisher&.close
    end

    # Forgets settings and publisher, for tests.
    #
    # @api private
    def reset!
      reset_publisher
      Logging.forget
      TestBroker.clear
      @lock.synchronize { @config = nil }
    end
  end
end

require_relative "atr/railtie" if defined?(Rails::Railtie)
