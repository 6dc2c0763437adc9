# frozen_string_literal: true

module Atr
  # Says from which web pages a browser may connect. Browsers offer a site's cookies to every page that opens a websocket to
  # it, and name the page in `Origin`: without this check any page could listen with its visitor's cookies.
  #
  # @api private
  class OriginPolicy
    ORIGIN = %r{\A[a-z][a-z0-9+.-]*://(?<authority>(?<host>\[[0-9a-f:.]+\]|[^/:?\#@\[\]]+)(?::\d+)?)\z}i
    LOCAL_HOSTS = %w[localhost 127.0.0.1 [::1]].freeze

    # @param allowed_origins [Array<String, Regexp>] besides the request's own host: `"https://app.example.com"`,
    #   `"https://*.example.com"`, `"app.example.com"` (any scheme and port), `"*"`; a regexp sees the whole origin
    # @param development [Boolean] whether all names of this machine are one
    def initialize(allowed_origins, development: false)
      @regexps, texts = allowed_origins.partition { |allowed| allowed.is_a?(Regexp) }
      @globs = texts.map { |text| glob(text) }
      @development = development
    end

    # @param request [Request]
    # @return [Boolean] true without an `Origin`: then it is no browser, and has no cookies but its own
    def allows?(request)
      origin = request.origin
      return true if origin.nil?

      parts = ORIGIN.match(origin)
      (parts && same_host?(parts[:host].downcase, request.host)) || listed?(origin, parts)
    end

    private

    # The port is ignored: the page's server and this one share a host, not a port.
    def same_host?(host, own)
      host == own || (@development && [host, own].all? { |name| LOCAL_HOSTS.include?(name) })
    end

    def listed?(origin, parts)
      return true if @regexps.any? { |regexp| regexp.match?(origin) }

      forms = [origin, *parts&.captures].compact
      @globs.any? { |glob| forms.any? { |form| glob.match?(form) } }
    end

    # In a text `*` stands for any characters but a slash; alone, for everything.
    def glob(text)
      return // if text == "*"

      /\A#{text.chomp("/").split("*", -1).map { |part| Regexp.escape(part) }.join("[^/]*")}\z/i
    end
  end
end
