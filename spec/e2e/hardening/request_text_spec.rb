# frozen_string_literal: true

require "support/authentication"
require "support/embedded"
require "support/witness"

RSpec.describe "A request that no decent client sends" do
  include Authentication
  include Embedded

  let(:seen) { Queue.new }

  before do
    seen = self.seen
    looking = authenticator do
      seen << [request.path, request.query_string, params.to_h, request.cookies.to_h, request.fullpath, request.host, request.remote_ip]
      request.env.fetch("PATH_INFO")
    end
    start_server(authenticate_with: looking, scope_with: path_scope)
    @witness = Witness.new(connect(servers.last, "/")) { |number| Atr.publish("number.told", { number: }) && Atr.flush(10) }
    seen.pop
  end

  after { expect(@witness).to be_served }

  {
    "/%" => 101, "/%zz" => 101, "/a%0" => 101, "/%00" => 101, "/%ff%fe" => 101, "/%c3%28" => 101, "/a%2fb" => 101, "/%7Ba%7D" => 101,
    "/?a=%" => 101, "/?%=1" => 101, "/?a=%ff" => 101, "/?a=%00" => 101, "/?&&=&=1&a&b=" => 101, "/?a[b]=1&a[]=2&a=3" => 101,
    "/?a=\u{e9}" => 101, "/\u{e9}" => 101, "/?#{"a=1&" * 2_000}" => 101,
    "/a\0b" => 400, "/?a=\0" => 400, "/?a=\xE9" => 400, "/\xFF" => 400, "/a b" => 400, "/a\tb" => 400,
    "//" => 101, "/../../etc/passwd" => 101, "/#{"x" * 300}" => 403
  }.each do |path, expected|
    it "is answered #{expected} for #{path[0, 40].inspect}, and the app sees only valid text" do
      expect(status(path)).to eq expected
      texts = Array.new(seen.size) { seen.pop }.flatten.flat_map { |value| value.is_a?(Hash) ? value.to_a.flatten : [value] }
      expect(texts).to all(be_a(String).and(be_valid_encoding))
      expect(log.string).not_to match(/ERROR/)
    end
  end

  {
    "a cookie" => { "Cookie" => "a=%; b=\xFF; =; ;;c" },
    "a host" => { "Host" => "\xFF" },
    "a forwarded address" => { "X-Forwarded-For" => "nobody, \xFF" },
    "an accepted language" => { "Accept-Language" => "\xFF" }
  }.each do |what, headers|
    it "may have #{what} of any bytes" do
      expect(status("/", **headers)).to eq 101
      expect(log.string).not_to match(/ERROR/)
    end
  end

  it "is answered 403 for an origin that is none" do
    ["\xFF", "null", "http://", "http://[", "x" * 5_000, "http://\u{e9}"].each do |origin|
      expect(status("/", "Origin" => origin)).to eq 403
    end
    expect(log.string).not_to match(/ERROR/)
  end
end
