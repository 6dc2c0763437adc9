# frozen_string_literal: true

RSpec.describe Atr::ScopeParts do
  it "joins names and values" do
    expect(described_class.name(["organization", 1, :team, "a"])).to eq "organization.1.team.a"
    expect(described_class.name("organization.1")).to eq "organization.1"
    expect([nil, "", []].map { |scope| described_class.name(scope) }).to eq ["", "", ""]
  end

  it "is no name when a part is empty, or a value could be mistaken for two" do
    [
      ["organization", nil], ["organization", ""], ["", 1], ["slug", "a.id.7"], ["slug", %w[a b]], ["user", "a b"], "a b", "-", "x" * 256
    ].each do |scope|
      expect(described_class.name(scope)).to be_nil, scope.inspect
    end
    expect(described_class.name(["fake.blog", 1])).to eq "fake.blog.1"
  end
end
