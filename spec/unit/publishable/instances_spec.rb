# frozen_string_literal: true

require "support/models"

# Rails 6.1 calls back the first instance of a row, with what that one knows; later ones the last. Neither need know what was committed.
RSpec.describe Atr::Publishable, "with several instances of one row" do
  include_context "with the test broker"

  let!(:row) { before_that { Post.create!(title: "a", body: "b", organization_id: 1, settings: { "n" => 1 }) } }
  let(:first) { Post.find(row.id) }
  let(:second) { Post.find(row.id) }

  def event
    expect(routing_keys.size).to eq 1
    published.first.event
  end

  # Both are loaded before either is saved.
  def together
    instances = [first, second]
    Post.transaction { yield(*instances) }
  end

  it "takes the scope from the row when the first instance does not know it" do
    together do |first, second|
      first.update!(title: "z")
      second.update!(organization_id: 2)
    end
    expect(event).to include("routing_key" => "organization.2.post.updated", "record" => include("title" => "z", "organization_id" => 2))
    expect(event).not_to have_key("changes")
  end

  it "takes the scope from the row when the last instance does not know it" do
    together do |first, second|
      first.update!(organization_id: 2)
      second.update!(title: "z")
    end
    expect(event).to include("routing_key" => "organization.2.post.updated", "record" => include("title" => "z", "organization_id" => 2))
  end

  it "publishes an instance of the app's own that knows it all" do
    klass = Class.new(Post) do
      define_singleton_method(:name) { "Post" }
      attr_accessor :editor

      def publish_updated_event = Atr.publish("edited", { editor: editor })
    end
    Post.transaction do
      Post.find(row.id).update!(title: "z")
      klass.find(row.id).tap { |record| record.editor = "me" }.update!(body: "c")
    end
    expect(event["record"]).to eq("editor" => "me")
  end

  it "makes a copy that says what changed when none does" do
    seen = nil
    allow_any_instance_of(Post).to receive(:publish_updated_event) { |record| seen = record }
    together do |first, second|
      first.update!(title: "z", settings: { "n" => 2 })
      second.update!(body: "c")
    end
    expect([first, second].map(&:__id__)).not_to include(seen.__id__)
    expect(seen).to have_attributes(title: "z", body: "c", settings: { "n" => 2 }, id: row.id, has_changes_to_save?: false)
    expect(seen.saved_changes).to include("title" => %w[a z], "body" => %w[b c], "settings" => [{ "n" => 1 }, { "n" => 2 }])
    expect([first.body, second.title]).to eq %w[b a]
  end

  it "destroys in the scope of the row" do
    together do |first, second|
      first.update!(organization_id: 2)
      second.destroy!
    end
    expect(event).to include("routing_key" => "organization.2.post.destroyed")
  end

  it "gives a copy of a destroyed row that says so" do
    seen = nil
    allow_any_instance_of(Post).to receive(:publish_destroyed_event) { |record| seen = record }
    together do |first, second|
      first.update!(title: "z")
      second.destroy!
    end
    expect(seen).to have_attributes(title: "z", destroyed?: true, persisted?: false, frozen?: true)
  end

  it "is destroyed although another instance saves afterwards" do
    together do |first, second|
      first.destroy!
      second.update(title: "z")
    end
    expect(event["name"]).to eq "post.destroyed"
  end

  it "is created although another instance saves afterwards" do
    Post.transaction do
      created = Post.create!(title: "n", organization_id: 1)
      Post.find(created.id).update!(organization_id: 2)
    end
    expect(event).to include("routing_key" => "organization.2.post.created", "record" => include("title" => "n"))
  end

  it "does not take what is only assigned, in any action" do
    unsaved = Post.find(row.id)
    unsaved.organization_id = 9
    unsaved.destroy!
    Post.transaction { Post.create!(organization_id: 1).organization_id = 9 }
    expect(routing_keys).to eq %w[organization.1.post.destroyed organization.1.post.created]
  end

  it "takes the value before a savepoint that another instance rolled back" do
    together do |first, second|
      Post.transaction(requires_new: true) do
        first.update!(organization_id: 9)
        second.reload
        raise ActiveRecord::Rollback
      end
      second.update!(title: "z")
    end
    expect(event).to include("routing_key" => "organization.1.post.updated")
  end

  it "makes a copy of the class that the row says" do
    id = before_that { Vehicle.create!(name: "v", organization_id: 1) }.id
    vehicles = Array.new(2) { Vehicle.find(id) }
    Vehicle.transaction do
      vehicles.first.becomes!(Truck).save!
      vehicles.last.destroy!
    end
    expect(routing_keys).to eq ["organization.1.truck.destroyed"]
  end

  it "makes a copy with values of any type" do
    backwards = Class.new(ActiveRecord::Type::Value) do
      def serialize(value) = value&.reverse
      def deserialize(value) = value&.reverse
    end
    klass = Class.new(Post) do
      define_singleton_method(:name) { "Post" }
      attribute :body, backwards.new
    end
    before_that { klass.find(row.id).update!(body: "ab") }
    instances = Array.new(2) { klass.find(row.id) }
    klass.transaction do
      instances.first.update!(title: "z")
      instances.last.update!(organization_id: 2)
    end
    expect(event["record"]).to include("title" => "z", "body" => "ab")
  end

  describe "with attributes that cannot be written again" do
    around do |example|
      strict = ActiveRecord.respond_to?(:raise_on_assign_to_attr_readonly)
      before = ActiveRecord.raise_on_assign_to_attr_readonly if strict
      ActiveRecord.raise_on_assign_to_attr_readonly = true if strict
      example.run
    ensure
      ActiveRecord.raise_on_assign_to_attr_readonly = before if strict
    end

    it "makes a copy that has them" do
      stub_const("Bike", Class.new(Vehicle) { attr_readonly :name })
      Vehicle.transaction do
        bike = Bike.create!(name: "b", organization_id: 1)
        Vehicle.find(bike.id).tap { |other| other.update!(organization_id: 2) }.organization_id = 9
      end
      expect(event).to include("routing_key" => "organization.2.bike.created", "record" => include("name" => "b"))
    end
  end

  it "does not mix rows up" do
    other = before_that { Post.create!(title: "o", organization_id: 3) }
    comment = before_that { Comment.create!(id: row.id, text: "c") }
    together do |first, second|
      first.update!(title: "z")
      other.update!(title: "p")
      comment.update!(text: "d")
      second.update!(body: "c")
    end
    expect(routing_keys).to eq %w[organization.1.post.updated organization.3.post.updated comment.updated]
  end

  it "does not mix rows without a primary key up" do
    PlainRow.transaction { 2.times { |number| PlainRow.create!(text: number.to_s) } }
    expect(published.map { |message| message.event["record"] }).to eq [{ "text" => "0" }, { "text" => "1" }]
  end
end
