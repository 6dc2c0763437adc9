# frozen_string_literal: true

RSpec.describe Atr::AttributeList do
  let(:klass) { Class.new }

  it "hides nothing of what is listed, whatever it is called" do
    list = described_class.for(klass, %w[title api_token])
    expect(list.partition(Object.new)).to eq [[], { "title" => :title, "api_token" => :api_token }]
    expect([list.plain?, list.call("settings", { "token" => 1 })]).to eq [true, { "token" => 1 }]
  end

  it "is made once, and anew when the class lists something else" do
    list = described_class.for(klass, %w[title])
    expect(described_class.for(klass, %w[title])).to be list
    expect(described_class.for(klass, %w[body]).names).to eq %w[body]
  end

  it "is each class's own" do
    expect(described_class.for(klass, %w[title])).not_to be described_class.for(Class.new(klass), %w[title])
  end

  it "does not change with what it was given" do
    names = %w[title]
    described_class.for(klass, names)
    names << "body"
    expect(described_class.for(klass, names).partition(nil).last.keys).to eq %w[title body]
  end
end
