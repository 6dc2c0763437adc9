# frozen_string_literal: true

# Requests as the native server hands them over, and jobs that remember how they were answered.
module RawRequest
  module_function

  # @param target [String] path and query as in the request line
  # @param headers [Hash{String => String, Array<String>, nil}]
  # @return [Hash] what Native::Job#request gives
  def raw_request(target = "/", remote_addr: "203.0.113.9", **headers)
    headers = { "host" => "example.com:7777" }.merge(headers).compact
    {
      method: "GET", target: target.b, remote_addr:, remote_port: 50_000, server_addr: "127.0.0.1", server_port: 7777,
      headers: headers.flat_map { |name, values| Array(values).map { |value| [name, value.b] } }
    }
  end

  # @return [Atr::Request]
  def request(target = "/", trusted_proxies: Atr::Request::NO_PROXIES, path_prefix: nil, **raw)
    Atr::Request.new(raw_request(target, **raw), trusted_proxies:, path_prefix:)
  end

  # Takes the place of Native::Job: only the first answer counts.
  class Job
    attr_reader :request, :answer

    def initialize(request, invalid_scopes: [])
      @request = request
      @invalid_scopes = invalid_scopes
    end

    def admit(scopes, client_key)
      raise ArgumentError, "invalid scope" if (scopes & @invalid_scopes).any?

      @answer ||= [:admit, scopes, client_key]
      nil
    end

    def refuse(status)
      @answer ||= [:refuse, status]
      nil
    end

    def fail
      @answer ||= [:fail]
      nil
    end
  end
end
