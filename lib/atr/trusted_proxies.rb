# frozen_string_literal: true

require "ipaddr"

module Atr
  # Knows the proxies whose word on the client counts, and what to take from them.
  #
  # @api private
  class TrustedProxies
    # What only a proxy may say; from anybody else it is a lie or a mistake, and Rails would believe it.
    HEADERS = /\A(?:x-forwarded-.+|forwarded|x-real-ip|client-ip)\z/

    # @param proxies [Array<String, IPAddr>] addresses and networks: `"10.0.0.0/8"`, `"::1"`
    def initialize(proxies)
      @networks = proxies.map { |proxy| proxy.is_a?(IPAddr) ? proxy : IPAddr.new(proxy) }
    end

    # @param address [String]
    def include?(address)
      ip = parse(address)
      !ip.nil? && @networks.any? { |network| network.family == ip.family && network.include?(ip) }
    end

    # Walks the proxies from the nearest outwards; the first address that is no proxy's is the client's.
    #
    # @param peer [String] the address the connection came from
    # @param forwarded_for [String, nil] what `X-Forwarded-For` says
    # @return [String]
    def client_ip(peer, forwarded_for)
      hops = forwarded_for.to_s.split(",").map(&:strip)
      client = peer
      while include?(client)
        hop = parse(hops.pop)
        break unless hop

        client = hop.to_s
      end
      client
    end

    private

    # @return [IPAddr, nil] some proxies add the port, and IPv4 may come dressed as IPv6
    def parse(address)
      bare = address.to_s[/\A\[(.+)\](?::\d+)?\z/, 1] || address.to_s[/\A([\d.]+):\d+\z/, 1] || address.to_s
      IPAddr.new(bare).native
    rescue IPAddr::Error
      nil
    end
  end
end
