# frozen_string_literal: true

require "atr/error_text"

RSpec.describe Atr::ErrorText do
  let(:record) do
    Class.new do
      def inspect
        "#<Post password: geheim>"
      end
    end.new
  end

  def error
    yield
  rescue StandardError => e
    e
  end

  it "does not show the receiver of a method that is missing" do
    text = described_class.of(error { record.oops })
    expect(text).to include("undefined method").and include("oops")
    expect(text).not_to include "geheim"
  end

  it "leaves other messages as they are" do
    expect(described_class.of(error { raise ArgumentError, "no #<this> for #<that>" })).to eq "no #<this> for #<that>"
    expect(described_class.of(error { nil.oops })).to include "nil"
  end
end
