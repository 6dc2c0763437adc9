# frozen_string_literal: true

require "support/raw_request"
require "rack"
require "rack/lint"

RSpec.describe Atr::Request do
  include RawRequest

  describe "the path" do
    it "is url and path alike, without the query" do
      request = request("/organization/1?token=a")
      expect(request.url).to eq "/organization/1"
      expect(request.path).to eq "/organization/1"
      expect(request.url.split("/").reject(&:empty?)).to eq %w[organization 1]
    end

    it "comes with the query in fullpath" do
      expect(request("/a?b=1").fullpath).to eq "/a?b=1"
      expect(request("/a?").fullpath).to eq "/a"
    end

    it "is text in UTF-8, as the request line has it" do
      expect(request("/caf%C3%A9").path).to eq "/caf%C3%A9"
      expect(request("/").path.encoding).to eq Encoding::UTF_8
    end

    it "loses the path_prefix, which is the SCRIPT_NAME" do
      request = request("/live/organization/1?a=1", path_prefix: "/live")
      expect(request.path).to eq "/organization/1"
      expect(request.script_name).to eq "/live"
      expect(request.env).to include("SCRIPT_NAME" => "/live", "PATH_INFO" => "/organization/1",
                                     "REQUEST_URI" => "/live/organization/1?a=1")
    end

    it "loses the path_prefix only where it is a whole segment" do
      expect(request("/lively/1", path_prefix: "/live").path).to eq "/lively/1"
      expect(request("/live", path_prefix: "/live/").path).to eq "/"
      expect(request("/other", path_prefix: "/live").script_name).to eq ""
    end
  end

  describe "#params" do
    it "decodes the query string, by String and by Symbol" do
      params = request("/?name=J%C3%B6rg+K&user=1").params
      expect(params[:name]).to eq "Jörg K"
      expect(params["user"]).to eq "1"
    end

    it "gives Strings only, whatever the client makes up" do
      expect(request("/?token[]=a&token[$ne]=b&flag&=x&empty=").params)
        .to eq("token[]" => "a", "token[$ne]" => "b", "flag" => "", "" => "x", "empty" => "")
    end

    it "takes the last of several" do
      expect(request("/?a=1&a=2").params[:a]).to eq "2"
    end

    it "keeps what cannot be decoded, as valid text" do
      params = request("/?a=%zz&b=%FF").params
      expect(params[:a]).to eq "%zz"
      expect(params[:b]).to eq "\u{FFFD}"
    end

    it "is empty without a query" do
      expect(request("/").params).to eq({})
    end
  end

  describe "#headers" do
    it "finds a name in any case" do
      headers = request("/", "x-token" => "1").headers
      expect([headers["X-Token"], headers["x-token"], headers[:x_token]]).to eq %w[1 1 1]
      expect(headers.key?("X-Other")).to be false
    end

    it "joins the lines of one name" do
      expect(request("/", "x-a" => %w[1 2]).headers["X-A"]).to eq "1, 2"
    end

    it "ignores a name with an underscore, which a Rack env could not tell from the real one" do
      expect(request("/", "x_token" => "forged").env).not_to have_key("HTTP_X_TOKEN")
    end
  end

  describe "#cookies" do
    it "decodes them" do
      cookies = request("/", "cookie" => "a=1; name=J%C3%B6rg; b=x=y").cookies
      expect(cookies).to eq("a" => "1", "name" => "Jörg", "b" => "x=y")
      expect(cookies[:name]).to eq "Jörg"
    end

    it "takes the first of several, and joins several lines" do
      expect(request("/", "cookie" => ["a=1; a=2", "c=3"]).cookies).to eq("a" => "1", "c" => "3")
    end

    it "is empty without any" do
      expect(request("/").cookies).to eq({})
    end
  end

  describe "behind a proxy" do
    let(:forwarded) do
      { "x-forwarded-for" => "198.51.100.7, 10.0.0.2", "x-forwarded-host" => "app.example.com", "x-forwarded-proto" => "https" }
    end
    let(:proxies) { Atr::TrustedProxies.new(["10.0.0.0/8"]) }

    it "believes a trusted one" do
      request = request("/", remote_addr: "10.0.0.1", trusted_proxies: proxies, **forwarded)
      expect(request.remote_ip).to eq "198.51.100.7"
      expect(request.host).to eq "app.example.com"
      expect(request.port).to eq 443
      expect(request.scheme).to eq "https"
      expect(request.env).to include("rack.url_scheme" => "https", "SERVER_NAME" => "app.example.com", "REMOTE_ADDR" => "10.0.0.1")
    end

    it "believes nobody else, and hides what they said from Rails too" do
      request = request("/", "client-ip" => "1.2.3.4", "forwarded" => "for=1.2.3.4", trusted_proxies: proxies, **forwarded)
      expect(request.remote_ip).to eq "203.0.113.9"
      expect(request.host).to eq "example.com"
      expect(request.scheme).to eq "http"
      expect(request.env.keys.grep(/FORWARDED|CLIENT_IP/)).to eq []
    end

    it "believes nobody when no proxy is trusted" do
      expect(request("/", remote_addr: "127.0.0.1", **forwarded).remote_ip).to eq "127.0.0.1"
    end
  end

  describe "#host" do
    it "has no port and is in lower case" do
      expect(request("/", "host" => "Example.COM:7777").host).to eq "example.com"
      expect(request("/", "host" => "[::1]:7777").host).to eq "[::1]"
      expect(request("/", "host" => "[::1]").host).to eq "[::1]"
    end

    it "is the server's address when the client names none" do
      request = request("/", "host" => nil)
      expect(request.host).to eq "127.0.0.1"
      expect(request.port).to eq 7777
    end
  end

  it "gives the origin" do
    expect(request("/", "origin" => "https://a.example").origin).to eq "https://a.example"
    expect(request("/").origin).to be_nil
  end

  it "shows neither query nor headers when inspected, as logs may show it" do
    text = request("/a?token=secret", "cookie" => "session=secret").inspect
    expect(text).to include("/a").and include("203.0.113.9")
    expect(text).not_to include("secret")
  end

  describe "#env" do
    it "is what Rack demands" do
      env = request("/organization/1?a=1", "cookie" => "a=1", "x-token" => "t", "content-length" => "0").env
      app = Rack::Lint.new(->(_) { [200, { "content-type" => "text/plain" }, []] })
      expect { app.call(env) }.not_to raise_error
    end

    it "says the request line, the headers and the addresses" do
      expect(request("/a?b=1", "x-token" => "t", "content-type" => "text/plain").env).to include(
        "REQUEST_METHOD" => "GET", "SCRIPT_NAME" => "", "PATH_INFO" => "/a", "QUERY_STRING" => "b=1", "HTTP_X_TOKEN" => "t",
        "CONTENT_TYPE" => "text/plain", "HTTP_HOST" => "example.com:7777", "SERVER_NAME" => "example.com", "SERVER_PORT" => "7777",
        "REMOTE_ADDR" => "203.0.113.9"
      )
    end

    it "serves ActionDispatch" do
      require "action_controller"
      proxies = Atr::TrustedProxies.new(["10.0.0.1"])
      rails = ActionDispatch::Request.new(
        request("/a/b?c=1", "cookie" => "d=2", "x-forwarded-for" => "198.51.100.7, 10.0.0.3", "x-forwarded-host" => "app.example.com",
                            remote_addr: "10.0.0.1", trusted_proxies: proxies).env
      )
      expect(rails.fullpath).to eq "/a/b?c=1"
      expect(rails.query_parameters).to eq("c" => "1")
      expect(rails.cookies).to eq("d" => "2")
      expect(rails.host).to eq "app.example.com"
      # Rails alone would take 10.0.0.3 for one more proxy, as it does every private address.
      expect(rails.remote_ip).to eq "10.0.0.3"
      expect(rails.get?).to be true
    end
  end
end
