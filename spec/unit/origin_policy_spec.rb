# frozen_string_literal: true

require "support/raw_request"

RSpec.describe Atr::OriginPolicy do
  include RawRequest

  def allows?(origin, allowed = [], host: "app.example.com", **options)
    described_class.new(allowed, **options).allows?(request("/", "host" => host, "origin" => origin))
  end

  it "lets in a request without an origin, which no browser sent" do
    expect(allows?(nil)).to be true
  end

  it "lets in a page of the same host, whatever its port and scheme" do
    expect(allows?("http://app.example.com")).to be true
    expect(allows?("https://APP.example.com:3000", host: "app.example.com:7777")).to be true
  end

  it "refuses every other page" do
    ["https://evil.example", "https://app.example.com.evil.example", "https://evil.example/app.example.com", "http://example.com", "null",
     "", "app.example.com", "https://app.example.com@evil.example", "https://app.example.com, https://evil.example"].each do |origin|
      expect(allows?(origin)).to be_falsey, origin
    end
  end

  it "takes localhost and 127.0.0.1 for two hosts" do
    expect(allows?("http://localhost:3000", host: "127.0.0.1:7777")).to be false
  end

  it "takes all names of this machine for one in development, and no other host" do
    %w[localhost 127.0.0.1 [::1]].repeated_permutation(2) do |page, server|
      expect(allows?("http://#{page}:3000", host: "#{server}:7777", development: true)).to be true
    end
    expect(allows?("http://evil.example", host: "localhost:7777", development: true)).to be false
    expect(allows?("http://localhost", host: "evil.example", development: true)).to be false
  end

  it "lets in listed origins" do
    expect(allows?("https://other.example", ["https://other.example"])).to be true
    expect(allows?("http://other.example", ["https://other.example"])).to be false
    expect(allows?("https://other.example:8443", ["https://other.example"])).to be false
    expect(allows?("https://other.example", ["https://other.example/"])).to be true
  end

  it "understands a * inside a listed origin" do
    allowed = ["https://*.example.org"]
    expect(allows?("https://a.b.example.org", allowed)).to be true
    expect(allows?("https://example.org", allowed)).to be false
    expect(allows?("https://a.example.org.evil.example", allowed)).to be false
    expect(allows?("https://aXexample.org", allowed)).to be false
    expect(allows?("http://localhost:5173", ["http://localhost:*"])).to be true
  end

  it "takes a listed host without a scheme at any scheme and port" do
    expect(allows?("https://other.example:8443", ["other.example"])).to be true
    expect(allows?("https://other.example:8443", ["other.example:8443"])).to be true
    expect(allows?("https://other.example:1", ["other.example:8443"])).to be false
  end

  it "lets everybody in with *" do
    expect(allows?("https://evil.example", ["*"])).to be true
    expect(allows?("null", ["*"])).to be true
  end

  it "shows the whole origin to a regexp" do
    allowed = [%r{\Ahttps://\w+\.example\.org\z}]
    expect(allows?("https://a.example.org", allowed)).to be true
    expect(allows?("https://a.example.org.evil.example", allowed)).to be false
  end
end
