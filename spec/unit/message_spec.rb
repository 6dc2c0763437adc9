# frozen_string_literal: true

RSpec.describe Atr::Message do
  def event(routing_key = "organization.1.post.created", name = "post.created", payload = { "a" => 1 })
    Atr::Event.new(routing_key, name, payload)
  end

  def encode(event, serializer: nil, max_bytes: 1_000)
    described_class.encode(event, serializer:, max_bytes:)
  end

  def serializer(json)
    Class.new do
      define_method(:initialize) { |event| @event = event }
      define_method(:to_json) { |*| json.respond_to?(:call) ? json.call(@event) : json }
    end
  end

  it "is id, scope, name, routing key and JSON" do
    created = event
    expect(encode(created)).to eq [created.id, "organization.1", "post.created", "organization.1.post.created", created.to_json]
  end

  it "has the empty scope for an unscoped event" do
    expect(encode(event("post.created"))[1]).to eq ""
  end

  it "takes what the serializer gives, as it is" do
    json = encode(event, serializer: serializer(->(event) { %({"what":"#{event.name}"}) })).last
    expect(json).to eq '{"what":"post.created"}'
    expect(json.encoding).to eq Encoding::UTF_8
  end

  it "takes another encoding of valid text" do
    expect(encode(event, serializer: serializer("\"\xE9\"".dup.force_encoding("ISO-8859-1"))).last).to eq '"é"'
    expect(encode(event, serializer: serializer('"é"'.b)).last).to eq '"é"'
  end

  it "refuses JSON that is not UTF-8" do
    expect { encode(event, serializer: serializer("\"\xFF\"")) }.to raise_error(Atr::PublishError, /UTF-8/)
    expect { encode(event("a.b", "b", { "a" => "\xFF" })) }.to raise_error(JSON::GeneratorError)
  end

  it "refuses what is no String" do
    expect { encode(event, serializer: serializer({ "a" => 1 })) }.to raise_error(Atr::PublishError, /gave Hash/)
  end

  it "refuses what is too large" do
    expect { encode(event, max_bytes: 20) }.to raise_error(Atr::PublishError, /max_event_bytes allows 20/)
  end

  ["organization.a b.post.created", "organization.{1}.post.created", "-.post.created", "#{"o" * 256}.post.created",
   "organization.\n.post.created", ".post.created", "post.created.organization"].each do |routing_key|
    it "refuses the routing key #{routing_key.inspect[0, 40]}" do
      expect { encode(event(routing_key)) }.to raise_error(Atr::PublishError, /scope/)
    end
  end

  it "refuses a bad name" do
    expect { encode(event("post created", "post created")) }.to raise_error(Atr::PublishError, /name "post created"/)
    expect { encode(event("", "")) }.to raise_error(Atr::PublishError, /name ""/)
  end
end
