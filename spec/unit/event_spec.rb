# frozen_string_literal: true

require "support/models"

RSpec.describe Atr::Event do
  include_context "with the test broker"

  subject(:event) { described_class.new("organization.1.post.created", "post.created", post) }

  let(:post) { Post.new(id: 7, title: "a", organization_id: 1, api_token: "geheim") }

  it "has the original's attributes" do
    expect(event).to have_attributes(
      id: /\A\h{32}\z/, name: "post.created", record: post, record_type: "Post", routing_key: "organization.1.post.created",
      occured_at: be_within(5).of(Time.now), scope: "organization.1"
    )
    expect(event.occurred_at).to equal event.occured_at
    expect([event["routing_key"], event[:name], event["object_id"]]).to eq ["organization.1.post.created", "post.created", nil]
  end

  it "is another event each time" do
    expect(event.id).not_to eq described_class.new("a", "a", nil).id
  end

  it "is JSON as documented" do
    json = event.to_json
    expect(json).to start_with(%({"id":"#{event.id}","name":"post.created",))
    expect(JSON.parse(json)).to eq(
      "id" => event.id, "name" => "post.created", "occured_at" => event.occured_at.strftime("%Y-%m-%dT%H:%M:%S.%LZ"),
      "record" => JSON.parse(event.payload.to_json), "record_type" => "Post", "routing_key" => "organization.1.post.created"
    )
  end

  it "is the same JSON inside of something else, and for ActiveSupport" do
    parsed = JSON.parse(event.to_json)
    expect(JSON.parse([event].to_json)).to eq [parsed]
    expect(JSON.parse(JSON.generate("event" => event))).to eq("event" => parsed)
    expect(event.as_json).to eq parsed
  end

  it "is JSON also after many that could not be" do
    bad = described_class.new("a", "a", { deep: { text: "\xFF" } })
    150.times { expect { bad.to_json }.to raise_error(JSON::GeneratorError) }
    expect(JSON.parse(event.to_json)).to eq event.as_json
  end

  it "is JSON inside of another event's" do
    inner = described_class.new("b", "b", { at: [1, { two: 2 }] })
    outer = described_class.new("a", "a", [Struct.new(:event) { def as_json(*) = self and def to_json(*) = event.to_json }.new(inner), 1])
    expect(JSON.parse(outer.to_json)["record"]).to eq [JSON.parse(inner.to_json), 1]
  end

  it "has an id and JSON of its own in a forked child" do
    event.to_json
    reader, writer = IO.pipe
    children = Array.new(2) do
      fork do
        writer.write("#{described_class.new("a", "a", { b: 1 }).to_json}\n")
        writer.close
        exit!(0)
      end
    end
    writer.close
    events = [described_class.new("a", "a", { b: 1 }).to_json, *reader.read.lines].map { |json| JSON.parse(json) }
    expect(events.map { |json| json["id"] }.uniq.size).to eq 3
    expect(events.map { |json| json["record"] }).to all eq("b" => 1)
  ensure
    children.each { |pid| Process.wait(pid) }
  end

  it "has a payload that may go out, and the record with all there is" do
    expect(event.payload).to include("title" => "a")
    expect(event.payload).not_to have_key("api_token")
    expect(event.record.api_token).to eq "geheim"
    expect(event.to_json).not_to include "geheim"
  end

  it "serialises as ActiveModel does" do
    expect(event.serializable_hash.keys).to eq described_class::ATTRIBUTES
    expect(event.serializable_hash(only: :name)).to eq("name" => "post.created")
    expect(event.read_attribute_for_serialization(:record)).to be post
  end

  it "works with the shape of ActiveModel::Serializers" do
    serializer = Class.new do
      def self.attributes(*names) = define_method(:attributes) { names.to_h { |name| [name, value(name)] } }
      attributes :id, :name, :record, :routing_key, :occured_at, :action
      attr_reader :object

      def initialize(object) = @object = object
      def value(name) = respond_to?(name) ? public_send(name) : object.read_attribute_for_serialization(name)
      def action = object.name.split(".").pop
      def to_json(*) = attributes.to_json
    end
    expect(JSON.parse(serializer.new(event).to_json)).to include("id" => event.id, "action" => "created", "record" => include("id" => 7))
  end

  describe "#changes" do
    it "is what an update changed, without what may not go out" do
      event = described_class.new("post.updated", "post.updated", post, changes: { title: %w[a b], "api_token" => %w[x y] })
      expect(event.changes).to eq("title" => %w[a b])
      expect(JSON.parse(event.to_json)).to include("changes" => { "title" => %w[a b] })
    end

    it "is not said of a record that moves to another scope" do
      event = described_class.new("post.updated", "post.updated", post, changes: { title: %w[a b], organization_id: [1, 2] })
      expect(event.changes).to be_nil
      expect(JSON.parse(event.to_json)).not_to have_key("changes")
    end

    it "is of an update only" do
      expect(event.changes).to be_nil
      expect(JSON.parse(event.to_json)).not_to have_key("changes")
    end

    it "is what the last save changed when nobody says more" do
      post.save!
      post.update!(title: "z")
      expect(described_class.new("post.updated", "post.updated", post).changes).to include("title" => %w[a z])
    end
  end

  describe "of what is no record" do
    it "has the payload, and no record type" do
      event = described_class.new("import.finished", "import.finished", { rows: 12 })
      expect(JSON.parse(event.to_json)).to include("record" => { "rows" => 12 }, "record_type" => nil)
      expect(event.scope).to eq ""
    end
  end

  it "does not guess the scope of a routing key that is no scope and name" do
    ["post.created.organization", ".post.created", "post.updated"].each do |routing_key|
      expect { described_class.new(routing_key, "post.created", nil).scope }.to raise_error(Atr::PublishError, /routing key/)
    end
  end

  it "has no scope where the record has no value for it" do
    expect(described_class.new(nil, "post.created", post).scope).to be_nil
  end
end
