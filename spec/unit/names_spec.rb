# frozen_string_literal: true

RSpec.describe Atr::Names do
  it "takes what apps use" do
    ["organization.1234", "user.é", "a", "client.00721b2a-1f", "x" * 255, "post.created".b].each do |name|
      expect(described_class.valid?(name)).to be(true), name
      expect(described_class.valid_scope?(name)).to be(true), name
    end
  end

  it "refuses what could end or split something" do
    ["", "a b", "a\nb", "a\u0085b", "a\u2028b", "a\u00A0b", "{a", "a}", "\0", "a\u007F", "x" * 256, "é" * 128, "\xFF", nil].each do |name|
      expect(described_class.valid?(name)).to be(false), name.inspect
    end
  end

  it "takes the empty scope, but not what it is called elsewhere" do
    expect(described_class.valid_scope?("")).to be true
    expect(described_class.valid_scope?("-")).to be false
    expect(described_class.valid?("-")).to be true
  end

  it "has the same rule as the native library", :native do
    ["a", "-", "", "a b", "é", "a\u0085", "a\u2028", "\u00AD", "\u200B", "x" * 256, "{", "\u{E000}"].each do |name|
      expect(described_class.valid?(name)).to eq(Atr::Native.valid_name?(name)), name.inspect
      expect(described_class.valid_scope?(name)).to eq(Atr::Native.valid_scope?(name)), name.inspect
    end
  end
end
