# frozen_string_literal: true

require_relative "error_text"
require_relative "origin_policy"
require_relative "request"
require_relative "trusted_proxies"

module Atr
  # Answers one job: may this request come in, and into which scopes? It asks the origin policy, then the app's authenticator,
  # then the app's scope class. Whatever goes wrong means no. It has no threads; {WorkerPool} calls it from its own.
  #
  # @api private
  class Gatekeeper
    # The answer no, and what a log may say of it.
    class Refusal < StandardError
      attr_reader :status, :level

      def initialize(status, reason, level: :info)
        super(reason)
        @status = status
        @level = level
      end
    end

    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    # What may be a routing key.
    NAMES = [String, Symbol, Integer].freeze
    # What the empty scope is called.
    UNSCOPED = [""].freeze
    # Refused also where ActionDispatch, which knows of more, is not loaded.
    NOT_FOUND = "ActiveRecord::RecordNotFound"

    # @param config [Config]
    # @param logger [Logger]
    # @param executor [#wrap] what the app's code runs in
    # @param development [Boolean]
    def initialize(config, logger: Atr.logger, executor: Atr.executor, development: false)
      @config = config
      @logger = logger
      @executor = executor
      @origin_policy = OriginPolicy.new(config.allowed_origins, development:)
      @trusted_proxies = TrustedProxies.new(config.trusted_proxies)
    end

    # @param job [Native::Job] answered when this returns, in whichever way it does
    # @return [void]
    def answer(job)
      answered = false
      request = Request.new(job.request, trusted_proxies: @trusted_proxies, path_prefix: @config.path_prefix)
      begin
        # What is no refusal leaves the executor as an exception, so that Rails' error reporter is told of it.
        scopes, client_key = @executor.wrap { decide(request) }
        admit(job, scopes, client_key)
      rescue Refusal => e
        refuse(job, request, e)
      end
      answered = true
    rescue Exception => e # rubocop:disable Lint/RescueException -- `exit` or a SyntaxError in the app's code must not end the server
      report(request, "#{e.class}: #{ErrorText.of(e)}", e.backtrace)
      reported = true
    ensure
      # Also when this thread is killed, which nothing can rescue.
      job.fail unless answered
      report(request, "the thread was ended") unless answered || reported
    end

    private

    # @return [Array(Array<String>, String)] scopes and client key
    # @raise [Refusal]
    def decide(request)
      check_origin(request)
      client_key = refusing(UNAUTHENTICATED) { authenticate(request) }
      [refusing(FORBIDDEN) { scopes(request) }, client_key]
    end

    def check_origin(request)
      return if @origin_policy.allows?(request)

      raise Refusal.new(FORBIDDEN, "origin #{request.origin.inspect} is neither this host nor one of allowed_origins")
    end

    # @return [String, nil] the client key
    def authenticate(request)
      authenticator = @config.authenticator_class&.new(request)
      return if authenticator.nil?
      raise Refusal.new(UNAUTHENTICATED, "#{authenticator.class} says no", level: :debug) unless authenticator.matches?

      authenticator.client_key&.to_s if authenticator.respond_to?(:client_key)
    end

    # @return [Array<String>]
    def scopes(request)
      scope = @config.scope_class&.new(request)
      return UNSCOPED if scope.nil?

      passes = scope.respond_to?(:valid?) ? scope.valid? : scope.matches?
      raise Refusal.new(FORBIDDEN, "#{scope.class} says no", level: :debug) unless passes

      routing_keys(scope)
    end

    def routing_keys(scope)
      keys = Array(scope.routing_key)
      raise Refusal.new(FORBIDDEN, "#{scope.class} gives no routing key") if keys.empty? || keys.include?(nil)

      # A `false`, a record or a Hash is a mistake of the app's: as text it would be a scope in which nothing ever comes.
      odd = keys.find { |key| NAMES.none? { |kind| key.is_a?(kind) } }
      raise Refusal.new(FORBIDDEN, "#{scope.class} gives a routing key that is a #{odd.class}, not a String") unless odd.nil?

      keys.map(&:to_s)
    end

    # Runs the app's code. An exception that Rails would answer with a 4xx is the client's mistake and a refusal like others:
    # `find` does not find what the path names. Its message is not logged, as it may hold what the client sent.
    def refusing(status)
      yield
    rescue Refusal
      raise
    rescue StandardError => e
      raise unless clients_mistake?(e)

      raise Refusal.new(status, e.class.name)
    end

    def clients_mistake?(error)
      name = error.class.name
      return true if name == NOT_FOUND
      return false unless defined?(::ActionDispatch::ExceptionWrapper)

      symbol = ::ActionDispatch::ExceptionWrapper.rescue_responses[name]
      (400..499).cover?(::Rack::Utils.status_code(symbol))
    end

    def admit(job, scopes, client_key)
      job.admit(scopes, client_key)
    rescue ArgumentError
      # Scopes are often made from the path, so that what a client sends can make a bad one.
      raise Refusal.new(FORBIDDEN, "the routing key is no valid scope")
    end

    def refuse(job, request, refusal)
      job.refuse(refusal.status)
      @logger.public_send(refusal.level) { "atr: refused #{refusal.status} #{describe(request)}: #{refusal.message}" }
    end

    def report(request, what, backtrace = nil)
      @logger.error { ["atr: failed 500 #{describe(request)}: #{what}", *backtrace].join("\n\t") }
    end

    # Without the query, which may hold a token.
    def describe(request)
      request ? "#{request.path.inspect} from #{request.remote_ip}" : "a request"
    end
  end
end
