# frozen_string_literal: true

require "action_view"
require "atr/positions_helper"
require "support/models"

RSpec.describe Atr::PositionsHelper do
  subject(:view) { ActionView::Base.empty.extend(described_class) }

  include_context "with the test broker"

  # @return [Hash] what a browser reads in the tag
  def content(tag)
    expect(tag).to be_html_safe
    expect(tag).to match(%r{\A<meta name="atr-positions" content="[^"<>]*" ?/?>\z})
    JSON.parse(CGI.unescapeHTML(tag[/content="([^"]*)"/, 1]))
  end

  it "has the positions of scopes, however they are spelt" do
    Atr.publish("post.shared", nil, scope: "organization.1")
    tag = view.atr_positions_tag("organization.1", ["user", 7])
    expect(content(tag)).to eq("organization.1" => "0000000000000000:1", "user.7" => "0000000000000000:0")
  end

  it "has those of the unscoped events when nobody says which" do
    expect(content(view.atr_positions_tag)).to eq("" => "0000000000000000:0")
  end

  it "takes what was asked for before the data was read" do
    positions = Atr.positions("organization.1")
    Atr.publish("post.shared", nil, scope: "organization.1")
    expect(content(view.atr_positions_tag(positions))).to eq("organization.1" => "0000000000000000:0")
  end

  it "leaves out what is not known" do
    expect(content(view.atr_positions_tag("a" => nil, "b" => "8f3a52c1d09e4b76:1"))).to eq("b" => "8f3a52c1d09e4b76:1")
    expect(content(view.atr_positions_tag("a b"))).to eq({})
    expect(content(view.atr_positions_tag({}))).to eq({})
  end

  it "keeps what a scope holds inside of its attribute" do
    scope = %(user."'><script>&amp;é)
    expect(content(view.atr_positions_tag(scope))).to eq(scope => "0000000000000000:0")
  end
end
