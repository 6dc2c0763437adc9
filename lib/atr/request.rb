# frozen_string_literal: true

require_relative "request/headers"
require_relative "request/rack_env"
require_relative "trusted_proxies"
require_relative "url_encoding"

module Atr
  # The HTTP request with which a client asks to be let in, as authenticators and scopes see it.
  #
  # @example
  #   request.url.split("/")                                                       # => ["", "organization", "1"]
  #   request.params[:token]
  #   ActionDispatch::Request.new(request.env).cookie_jar.encrypted[:user_id]
  class Request
    NO_PROXIES = TrustedProxies.new([]).freeze
    PORTS = { "http" => 80, "https" => 443 }.freeze

    # @return [String] `"GET"`
    attr_reader :request_method
    # @return [String] the path as it stands in the request line, without the query and without the `path_prefix`
    attr_reader :path
    alias url path
    # @return [String] what follows the question mark, or ""
    attr_reader :query_string
    # @return [Headers] what a client says about proxies is not among them, unless its address is one of `trusted_proxies`
    attr_reader :headers
    # @return [String] the `path_prefix` when the path began with it, else ""
    attr_reader :script_name
    # @return [String] the address the connection came from: the client's or the nearest proxy's
    attr_reader :peer_ip

    # @param raw [Hash] a native job's request: method, target, headers, remote_addr, server_addr, server_port
    # @param trusted_proxies [TrustedProxies]
    # @param path_prefix [String, nil] `"/live"`
    def initialize(raw, trusted_proxies: NO_PROXIES, path_prefix: nil)
      @raw = raw
      @trusted_proxies = trusted_proxies
      @request_method = raw.fetch(:method)
      @peer_ip = raw.fetch(:remote_addr)
      @headers = Headers.new(raw.fetch(:headers))
      @headers = @headers.without(TrustedProxies::HEADERS) unless trusted_proxies.include?(peer_ip)
      read_target(raw.fetch(:target), path_prefix.to_s.chomp("/"))
    end

    # @return [String] path and query
    def fullpath
      query_string.empty? ? path : "#{path}?#{query_string}"
    end

    # @return [ActiveSupport::HashWithIndifferentAccess] of the query, decoded; values are always Strings
    def params
      @params ||= UrlEncoding.query(query_string)
    end

    # @return [ActiveSupport::HashWithIndifferentAccess] decoded, not decrypted: see {#env} for that
    def cookies
      @cookies ||= UrlEncoding.cookies(headers["cookie"])
    end

    # @return [String] in lower case, without the port; an IPv6 address keeps its brackets
    def host
      authority.sub(/:\d*\z/, "")
    end

    # @return [Integer] that the client used
    def port
      authority[/:(\d+)\z/, 1]&.to_i || PORTS.fetch(scheme)
    end

    # @return [String] `"http"` or `"https"`; only a trusted proxy can say the latter
    def scheme
      last_of("x-forwarded-proto").to_s.match?(/\A(?:https|wss)\z/i) ? "https" : "http"
    end

    # @return [String, nil] the `Origin` that a browser adds
    def origin
      headers["origin"]
    end

    # @return [String] the client's address; behind `trusted_proxies`, as they say
    def remote_ip
      @remote_ip ||= @trusted_proxies.client_ip(peer_ip, headers["x-forwarded-for"])
    end

    # @return [Hash{String => Object}] a Rack environment, merged with `Rails.application.env_config` where there is Rails
    def env
      @env ||= RackEnv.build(self)
    end

    # @return [String] for logs: queries, cookies and other headers may hold secrets and are not shown
    def inspect
      "#<#{self.class} #{request_method} #{path} from #{remote_ip}>"
    end

    private

    def read_target(target, prefix)
      path, query = target.dup.force_encoding(Encoding::UTF_8).scrub.split("?", 2)
      prefixed = !prefix.empty? && (path == prefix || path.start_with?("#{prefix}/"))
      @script_name = prefixed ? prefix : ""
      path = path.delete_prefix(prefix) if prefixed
      @path = path.to_s.empty? ? "/" : path
      @query_string = query || ""
    end

    def authority
      @authority ||= (last_of("x-forwarded-host") || headers["host"] || server).downcase
    end

    def server
      address = @raw.fetch(:server_addr)
      address = "[#{address}]" if address.include?(":")
      "#{address}:#{@raw.fetch(:server_port)}"
    end

    # The nearest proxy's word stands last.
    def last_of(name)
      headers[name]&.split(",")&.last&.strip
    end
  end
end
