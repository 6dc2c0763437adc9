# frozen_string_literal: true

RSpec.describe Atr::TestBroker do
  subject(:broker) { described_class.new }

  def event(number)
    [number.to_s, "organization.1", "post.created", "organization.1.post.created", %({"number":#{number}})]
  end

  it "remembers what was published, in order" do
    expect(broker.push([event(1), event(2)])).to eq 2
    broker.publish(event(3), 1.0)
    expect(broker.messages.map(&:id)).to eq %w[1 2 3]
    expect(broker.messages.last).to have_attributes(
      scope: "organization.1", name: "post.created", routing_key: "organization.1.post.created", event: { "number" => 3 }
    )
    expect(broker.stats).to include(pushed: 3, published: 3, queued: 0)
  end

  it "counts the events of each scope, as positions" do
    expect(broker.positions(["organization.1", ""], 1.0)).to eq ["0000000000000000:0"] * 2
    broker.push([event(1)])
    expect(broker.publish(event(2), 1.0)).to eq "0000000000000000:2"
    expect(broker.positions(["", "organization.1"], 1.0)).to eq ["0000000000000000:0", "0000000000000000:2"]
  end

  it "forgets when told" do
    broker.push([event(1)])
    broker.clear
    expect(broker.messages).to eq []
    expect(broker.positions(["organization.1"], 1.0)).to eq ["0000000000000000:0"]
  end

  it "forgets the oldest when nobody tells" do
    stub_const("#{described_class}::LIMIT", 2)
    broker.push([event(1), event(2), event(3)])
    expect(broker.messages.map(&:id)).to eq %w[2 3]
  end

  it "is one for the process" do
    described_class.instance.push([event(1)])
    expect(described_class.messages.size).to eq 1
    described_class.clear
    expect(described_class.messages).to eq []
  end
end
