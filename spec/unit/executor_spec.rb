# frozen_string_literal: true

RSpec.describe Atr::Executor do
  # Rails' executor and reloader share this method.
  def wrapper(name)
    Class.new do
      define_singleton_method(:wrap) { |&block| [name, block.call] }
    end
  end

  def application(cache_classes:)
    double(config: double(cache_classes:), executor: wrapper(:executor), reloader: wrapper(:reloader))
  end

  it "only runs the block without Rails" do
    expect(described_class.wrap { 1 }).to eq 1
  end

  it "reloads code in development" do
    allow(Atr::RailsApp).to receive(:application).and_return(application(cache_classes: false))
    expect(described_class.wrap { 1 }).to eq [:reloader, 1]
  end

  it "does as a request does in production" do
    allow(Atr::RailsApp).to receive(:application).and_return(application(cache_classes: true))
    expect(described_class.wrap { 1 }).to eq [:executor, 1]
  end
end
