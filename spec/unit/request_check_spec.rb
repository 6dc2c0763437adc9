# frozen_string_literal: true

require "support/raw_request"

RSpec.describe Atr::RequestCheck do
  include RawRequest

  [Atr::RequestAuthenticator, Atr::RequestScope].each do |described|
    describe described do
      it "is made with a request" do
        request = request("/")
        expect(described.new(request).request).to be request
      end

      it "lets nobody in" do
        expect(described.new(request("/")).matches?).to be false
      end

      it "reads params from the query string alone" do
        check = described.new(Struct.new(:query_string).new("user=1234&name=a%20b"))
        expect(check.params).to eq("user" => "1234", "name" => "a b")
        expect(check.params[:user]).to eq "1234"
      end
    end
  end

  describe Atr::RequestAuthenticator do
    it "names no client" do
      expect(described_class.new(request("/")).client_key).to be_nil
    end
  end

  describe Atr::RequestScope do
    it "is valid when it matches, unless overridden" do
      matching = Class.new(described_class) { def matches? = true }
      expect(described_class.new(request("/")).valid?).to be false
      expect(matching.new(request("/")).valid?).to be true
    end

    it "has no routing key of its own" do
      expect(described_class.new(request("/")).routing_key).to be_nil
    end
  end
end
