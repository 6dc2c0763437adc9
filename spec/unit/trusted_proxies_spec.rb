# frozen_string_literal: true

RSpec.describe Atr::TrustedProxies do
  def client_ip(peer, forwarded_for, trusted)
    described_class.new(trusted).client_ip(peer, forwarded_for)
  end

  it "gives the peer's address when that is no proxy" do
    expect(client_ip("203.0.113.9", "1.2.3.4", ["10.0.0.1"])).to eq "203.0.113.9"
  end

  it "gives the address that the nearest proxy saw, not the one that the client claims" do
    expect(client_ip("10.0.0.1", "6.6.6.6, 198.51.100.7", ["10.0.0.0/8"])).to eq "198.51.100.7"
  end

  it "walks through several proxies" do
    expect(client_ip("10.0.0.1", "198.51.100.7, 10.0.0.3, 10.0.0.2", ["10.0.0.0/8"])).to eq "198.51.100.7"
  end

  it "stays with the last address that it can read" do
    expect(client_ip("10.0.0.1", "unknown, 10.0.0.2", ["10.0.0.0/8"])).to eq "10.0.0.2"
    expect(client_ip("10.0.0.1", nil, ["10.0.0.0/8"])).to eq "10.0.0.1"
  end

  it "reads addresses with a port, and IPv6" do
    expect(client_ip("::1", "198.51.100.7:4711", ["::1"])).to eq "198.51.100.7"
    expect(client_ip("::1", "[2001:db8::7]:4711", ["::1"])).to eq "2001:db8::7"
  end

  it "knows a proxy whose IPv4 address comes dressed as IPv6" do
    expect(described_class.new(["10.0.0.0/8"])).to include("::ffff:10.1.2.3")
  end
end
