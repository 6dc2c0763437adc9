# frozen_string_literal: true

require_relative "error_text"
require_relative "errors"
require_relative "event"
require_relative "log_pump"
require_relative "message"
require_relative "test_broker"

module Atr
  # Hands events over to the native publisher, whose thread sends them to the broker. It never blocks and never raises, but
  # where {#publish!} says so: what cannot be published is logged, counted and told to `config.on_publish_error`.
  #
  # Nothing is started before the first event. A forked child starts afresh: it sends what it publishes itself, and nothing
  # of what its parent has queued.
  class Publisher
    # What may go wrong in the app's code, or in loading a library, without the app's save being broken by it.
    FAILURES = [StandardError, ScriptError, SystemStackError].freeze
    # How long {#publish!} waits for the broker when nobody says.
    ANSWER_SECONDS = 5.0
    # How long a page waits for positions.
    POSITIONS_SECONDS = 1.0
    NO_EVENTS = { pushed: 0, published: 0, unheard: 0, lost: 0, dropped_full: 0, queued: 0 }.freeze
    private_constant :NO_EVENTS
    # What waiting for native code may take longer than it was told to.
    SLACK_SECONDS = 1.0

    class << self
      # @return [String, nil] where this process's own server listens, which counts more than `config.admin_url`
      attr_reader :admin_url

      # @api private
      def admin_url=(url)
        return if url == @admin_url

        @admin_url = url
        Atr.reset_publisher
      end
    end

    # @param config [Config]
    # @param native [#call] makes the native publisher from its options
    def initialize(config = Atr.config, native: ->(options) { Native::Publisher.new(options) })
      @config = config
      @native = native
      @lock = Mutex.new
      @failures = 0
    end

    # @param event [Event]
    # @return [Boolean] whether the event was taken. What the queue has no room for, or the broker loses, the native publisher
    #   counts and logs.
    def publish(event)
      message = encode(event)
      !message.nil? && running.push([message]) == 1
    rescue *FAILURES => e
      failed(e, event)
      false
    end

    # Publishes and waits for the broker's answer.
    #
    # @param event [Event]
    # @param timeout_seconds [Float]
    # @return [String, nil] the event's position; nil when its scope has no log
    # @raise [PublishError] when the event cannot be published, or the broker did not take it in time
    def publish!(event, timeout_seconds: ANSWER_SECONDS)
      message = encode(event) || raise(PublishError, "the record has no value for its publication scope, or one with a dot in it")
      broker = running
      off_main { broker.publish(message, timeout_seconds.to_f) }
    rescue Error
      raise
    rescue *FAILURES => e
      raise PublishError, "#{describe(event)} cannot be published: #{reason(e, event)}"
    end

    # Asks where the logs of scopes end. A broker that cannot be reached is waited for no longer than a page can bear, and
    # not at all once that is known: one warning tells of it.
    #
    # @param scopes [Array<String>]
    # @return [Hash{String => String, nil}] the positions; nil for a scope without a log, and for all when nobody can tell
    def positions(scopes)
      broker = running
      found = off_main { broker.positions(scopes, POSITIONS_SECONDS) }
      @unknown = false
      scopes.zip(found).to_h
    rescue *FAILURES => e
      unknown(e)
      scopes.to_h { |scope| [scope, nil] }
    end

    # Waits until the broker has answered for all that this process has published so far.
    #
    # @param timeout_seconds [Float]
    # @return [Boolean] whether it has
    def flush(timeout_seconds = @config.flush_timeout_seconds)
      broker = @broker
      return true if broker.nil?

      off_main { broker.flush(timeout_seconds.to_f) }
    end

    # @return [Hash{Symbol => Integer}] of this process: how many events were `pushed`, and of these `published`, `lost` by the
    #   broker, `unheard` because no server was there, or are `queued`; for how many the queue had no room (`dropped_full`);
    #   and how many `failed` before they came so far
    def stats
      NO_EVENTS.merge(@broker&.stats.to_h, failed: @failures)
    end

    # Counts, logs and tells of an event that was not published.
    #
    # @api private
    # @param error [Exception]
    # @param subject [Event, Object] the event, or the record that has none yet
    # @param once [Array, nil] what need not be logged again
    # @return [void]
    def failed(error, subject, once: nil)
      @lock.synchronize { @failures += 1 }
      once ? Logging.once(*once) { log(error, subject) } : log(error, subject)
      tell(error, subject)
    rescue *FAILURES => e
      warn "atr: an event was not published (#{error.class}), and saying so failed: #{e.class}"
    end

    # Ends the native thread, without waiting for what is queued.
    #
    # @return [void]
    def close
      broker, pump = @lock.synchronize { [@broker, @pump].tap { @broker = @pump = nil } }
      broker&.close
      pump&.stop(SLACK_SECONDS)
    end

    private

    # @return [Array<String>, nil] nil for what nobody may see, of which a warning has told
    def encode(event)
      Message.encode(event, serializer: @config.serializer_class, max_bytes:) unless event.routing_key.nil?
    end

    # As the native publisher, which has it from its start: reading a setting costs a look into the environment.
    def max_bytes
      @max_bytes ||= @config.max_event_bytes
    end

    # @return [TestBroker, Native::Publisher] one whose log is read in this process
    def running
      return @broker if @pid == Process.pid && @broker

      @lock.synchronize { start unless @pid == Process.pid && @broker }
      @broker
    end

    # In a child the native publisher of the parent starts afresh by itself; the thread that read its log is gone.
    def start
      @config.validate!
      @broker ||= @config.broker == "test" ? TestBroker.instance : @native.call(native_options)
      @pump = LogPump.new(@broker, Atr.logger) if @broker.respond_to?(:next_log)
      @failures = 0 if @pid
      @pid = Process.pid
      AtExit.flush
    end

    def native_options
      {
        broker: @config.broker,
        redis_url: @config.redis_url,
        redis_namespace: @config.redis_namespace,
        publish_on_routing_key: @config.publish_on_routing_key,
        **@config.log_options,
        admin_url: self.class.admin_url || @config.admin_url,
        admin_token: (@config.admin_token if @config.broker == "memory"),
        queue_size: @config.publisher_queue_size,
        queue_bytes: @config.publisher_queue_bytes,
        max_event_bytes: @config.max_event_bytes
      }
    end

    # A page that is rendered without positions is as one from before there were any: no reason to fail, but to know of it.
    def unknown(error)
      return if @unknown

      @unknown = true
      Atr.logger.warn { "atr: #{reason(error)}; pages have none until that changes, and may miss what happens before they connect" }
    end

    # A main thread that parks in native code may miss a signal, so it waits in Ruby.
    def off_main(&block)
      return yield unless Thread.current == Thread.main

      thread = Thread.new(&block)
      thread.report_on_exception = false
      thread.value
    end

    def log(error, subject)
      Atr.logger.error { "atr: #{describe(subject)} was not published: #{reason(error, subject)}" }
    end

    def tell(error, subject)
      hook = @config.on_publish_error
      return if hook.nil?

      hook.respond_to?(:arity) && hook.arity == 1 ? hook.call(error) : hook.call(error, subject)
    rescue *FAILURES => e
      Atr.logger.error { "atr: on_publish_error raised #{reason(e)}" }
    end

    # @return [String] never what the record holds
    def describe(subject)
      return record_name(subject) unless subject.is_a?(Event)

      subject.record_type ? "#{subject.name} of #{record_name(subject.record)}" : subject.name
    rescue *FAILURES
      "an event"
    end

    def record_name(record)
      id = record.id if record.respond_to?(:id)
      "#{record.class.name || record.class} #{id}".strip
    end

    # What JSON says of bad text repeats the text.
    def reason(error, subject = nil)
      bad = unreadable(error, subject)
      return "#{error.class}: not text in UTF-8: #{bad.join(", ")}; leave it out with publishable_attributes" if bad.any?
      return "#{error.class}: the JSON cannot be made of these values (text that is not UTF-8?)" if error.is_a?(JSON::JSONError)
      return error.message if error.is_a?(Error)

      "#{error.class}: #{ErrorText.of(error).lines.first.to_s.strip} (#{error.backtrace&.first})"
    end

    # ActiveSupport's JSON may fail at the encoding before the generator does.
    def unreadable(error, subject)
      text = error.is_a?(JSON::JSONError) || error.is_a?(EncodingError)
      text && subject.is_a?(Event) ? subject.unreadable : []
    rescue *FAILURES
      []
    end
  end
end
