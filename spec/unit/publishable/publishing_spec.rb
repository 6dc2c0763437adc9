# frozen_string_literal: true

require "atr/native_library"
require "support/models"

RSpec.describe Atr::Publishable do
  include_context "with the test broker"

  def post(**attributes)
    before_that { Post.create!(title: "a", body: "b", organization_id: 1, **attributes) }
  end

  def model(parent = Post, name: "Post", &block)
    Class.new(parent) do
      define_singleton_method(:name) { name }
      class_eval(&block)
    end
  end

  it "publishes what was created, in its scope" do
    Post.create!(title: "a", organization_id: 3)
    expect(routing_keys).to eq ["organization.3.post.created"]
    expect(published.first.event).to include(
      "name" => "post.created", "record_type" => "Post", "record" => include("title" => "a", "organization_id" => 3)
    )
    expect(published.first.event).not_to have_key("changes")
  end

  it "publishes what was updated, with the changes" do
    post.update!(title: "z")
    expect(routing_keys).to eq ["organization.1.post.updated"]
    expect(published.first.event).to include("record" => include("title" => "z"), "changes" => include("title" => %w[a z]))
  end

  it "publishes what was destroyed, as it was" do
    post.destroy!
    expect(routing_keys).to eq ["organization.1.post.destroyed"]
    expect(published.first.event["record"]).to include("title" => "a")
  end

  it "publishes nothing for an update that changed nothing" do
    record = post
    record.save!
    record.update!(title: "a")
    expect(routing_keys).to eq []
  end

  it "publishes nothing for a save that failed" do
    invalid = model { validates :title, presence: true }.new(organization_id: 1)
    expect(invalid.save).to be false
    aborted = model { before_destroy { throw :abort } }.find(post.id)
    expect(aborted.destroy).to be false
    expect(routing_keys).to eq []
  end

  it "publishes nothing for a row that is gone already" do
    record = post
    other, touched = Array.new(2) { Post.find(record.id) }
    before_that { other.destroy! }
    record.update(title: "z")
    record.destroy
    Post.transaction { touched.touch }
    expect(routing_keys).to eq []
  end

  it "shows the changes only while it publishes" do
    record = post
    Post.transaction { [{ title: "z" }, { body: "c" }].each { |attributes| record.update!(attributes) } }
    expect(published.first.event["changes"]).to include("title", "body")
    expect(record.publishable_changes).to eq record.saved_changes
    expect(record.publishable_changes).not_to include("title")
  end

  it "publishes a touch as the update that it is" do
    record = post
    record.touch(time: Time.utc(2030))
    expect(routing_keys).to eq ["organization.1.post.updated"]
    expect(published.first.event["changes"]).to match("updated_at" => [anything, "2030-01-01T00:00:00.000Z"])
  end

  it "publishes a touch that Rails puts off until the commit, without the changes of an older save" do
    record = before_that { post.tap { |post| post.update!(title: "z") } }
    Comment.create!(post: record, text: "c")
    expect(routing_keys).to eq %w[comment.created organization.1.post.updated]
    expect(published.last.event["changes"]).to eq({})
  end

  it "publishes nothing for what has no callbacks in Rails" do
    record = post
    record.update_columns(title: "z")
    Post.where(id: record.id).update_all(title: "y")
    Post.insert({ title: "n", organization_id: 1, created_at: Time.now, updated_at: Time.now })
    record.delete
    expect(routing_keys).to eq []
  end

  it "publishes only the listed actions" do
    truck = Truck.create!(name: "t", organization_id: 1)
    truck.update!(name: "u")
    truck.destroy!
    expect(routing_keys).to eq %w[organization.1.truck.created organization.1.truck.destroyed]
  end

  it "publishes a subclass found through its parent by its own name" do
    id = before_that { Truck.create!(name: "t", organization_id: 1) }.id
    Vehicle.find(id).destroy!
    expect(routing_keys).to eq ["organization.1.truck.destroyed"]
  end

  it "publishes descendants of an abstract class by dotted names" do
    Fake::Blog::Post.create!(title: "a", user_id: 123)
    expect(routing_keys).to eq ["user.123.fake.blog.post.created"]
  end

  it "publishes rows without a primary key" do
    PlainRow.create!(text: "a")
    expect(routing_keys).to eq ["plain_row.created"]
  end

  it "never publishes a record without a scope value to everybody" do
    Post.create!(title: "a")
    expect(routing_keys).to eq []
    expect(log.string).to include "has no organization_id"
  end

  describe "an update that moves a record to another scope" do
    it "does not show there what it was before" do
      record = post(title: "geheim")
      record.update!(organization_id: 2, title: "z")
      expect(routing_keys).to eq ["organization.2.post.updated"]
      expect(published.first.event).to include("record" => include("title" => "z"))
      expect(published.first.event).not_to have_key("changes")
      expect(published.first.json).not_to include "geheim"
    end

    it "is known by any attribute of the scope, by another name too" do
      klass = model do
        alias_attribute :owner_id, :organization_id
        publication_scope :body, "owner_id"
      end
      record = klass.find(post.id)
      record.update!(organization_id: 2)
      record.update!(body: "c")
      record.update!(title: "z")
      expect(published.map { |message| message.event.key?("changes") }).to eq [false, false, true]
    end
  end

  it "leaves hidden attributes out of record and changes" do
    record = post(password_digest: "geheim1", api_token: "geheim2")
    record.update!(password_digest: "geheim3", title: "z")
    expect(published.map(&:json).join).not_to include "geheim"
    expect(published.last.event["changes"].keys).to contain_exactly("title", "updated_at")
  end

  it "tells of each save that a callback adds, wherever the callback is written" do
    klass = Class.new(MainDatabase) do
      self.table_name = "posts"
      define_singleton_method(:name) { "Post" }
      after_update { update!(body: "bumped") unless body == "bumped" }
      include Atr::Publishable
    end
    record = before_that { klass.create!(title: "a", body: "b") }
    record.update!(title: "z")
    expect(routing_keys).to eq ["post.updated"]
    expect(published.first.event["changes"]).to include("title" => %w[a z], "body" => %w[b bumped])
  end

  it "is published once by a class that includes the module again" do
    klass = model { include Atr::Publishable }
    klass.create!(title: "a", organization_id: 1)
    expect(routing_keys).to eq ["organization.1.post.created"]
  end

  describe "the methods that apps override" do
    it "are private" do
      expect(Post.private_instance_methods).to include(:publish_created_event, :publish_updated_event, :publish_destroyed_event)
    end

    it "can hold an event back" do
      klass = model do
        private

        def publish_updated_event
          super if saved_change_to_title?
        end
      end
      record = klass.find(post.id)
      record.update!(body: "z")
      expect(routing_keys).to eq []
      record.update!(title: "z")
      expect(routing_keys).to eq ["organization.1.post.updated"]
    end

    it "can publish as the original gem did, and the changes are there" do
      klass = model do
        private

        def publish_updated_event
          routing_key = self.class.build_routing_key_for_record_action(self, "updated")
          event_name = self.class.resource_action_routing_key("updated")
          record_updated_event = ::Atr::Event.new(routing_key, event_name, self)

          ::Atr.publish_event(record_updated_event)
        end
      end
      record = klass.find(post.id)
      klass.transaction do
        record.update!(title: "z")
        record.update!(body: "y")
      end
      expect(routing_keys).to eq ["organization.1.post.updated"]
      expect(published.first.event["changes"]).to include("title" => %w[a z], "body" => %w[b y])
    end

    it "can save, and publish that too" do
      klass = model do
        private

        def publish_created_event
          super
          update!(title: "again")
        end
      end
      klass.create!(title: "a", organization_id: 1)
      expect(routing_keys).to eq %w[organization.1.post.created organization.1.post.updated]
    end
  end

  describe "what goes wrong" do
    let(:failures) { [] }

    before { Atr.config.on_publish_error = ->(error, subject) { failures << [error.class, subject.class] } }

    it "never breaks the save: the app's method" do
      klass = model { def publish_created_event = raise(ArgumentError, "oh") }
      record = klass.create!(title: "a", organization_id: 1)
      expect(record).to be_persisted
      expect(log.string).to match(/ERROR.*atr: .*Post.* #{record.id} was not published: ArgumentError: oh/)
      expect(failures.map(&:first)).to eq [ArgumentError]
      expect(Atr.publisher.stats).to include(failed: 1)
    end

    it "never breaks the save: the serializer" do
      stub_const("Broken", Class.new { def initialize(event) = @event = event })
      Broken.define_method(:to_json) { |*| raise NotImplementedError, "no" }
      Atr.config.event_serializer = "Broken"
      record = Post.create!(title: "a", organization_id: 1)
      expect(Post.exists?(record.id)).to be true
      expect(log.string).to match(/ERROR.*post\.created of Post #{record.id} was not published: NotImplementedError/)
      expect(failures).to eq [[NotImplementedError, Atr::Event]]
    end

    it "never breaks the save: the serializer that is not there, or never ends" do
      Atr.config.event_serializer = "Missing"
      expect { Post.create!(organization_id: 1) }.not_to raise_error
      stub_const("Endless", Class.new { def initialize(*) = nil })
      Endless.define_method(:to_json) { |*| to_json }
      Atr.config.event_serializer = "Endless"
      expect { Post.create!(organization_id: 1) }.not_to raise_error
      expect(failures.map(&:first)).to eq [Atr::ConfigurationError, SystemStackError]
    end

    it "never breaks the save: the native library is missing" do
      Atr.config.broker = "redis"
      # Loaded once, it cannot be missing any more; then the constant is.
      allow(Atr::NativeLibrary).to receive(:path).and_raise(Atr::Error, "not built")
      hide_const("Atr::Native") unless Atr.autoload?(:Native)
      expect { Post.create!(organization_id: 1) }.not_to raise_error
      expect(failures.size).to eq 1
    end

    it "never breaks the save: a scope that cannot be" do
      klass = model { publication_scope :title }
      record = klass.create!(title: "acme corp")
      expect(log.string).to match(/of .* #{record.id} was not published: the scope "title.acme corp" is not/)
      expect(failures).to eq [[Atr::PublishError, Atr::Event]]
    end

    it "never breaks the save: text that is not UTF-8, which the log does not repeat" do
      klass = model { def title = "geheim\xFF" }
      expect { klass.create!(organization_id: 1) }.not_to raise_error
      expect(log.string).to match(/was not published: .*not text in UTF-8: title; leave it out with publishable_attributes/)
      expect(log.string).not_to include("geheim")
    end

    it "names all attributes that are not UTF-8, of the changes and deep inside too, whoever makes the JSON" do
      stub_const("Shown", Class.new { def initialize(event) = @event = event })
      Shown.define_method(:to_json) { |*| { of: @event.payload, changes: @event.changes }.to_json }
      klass = model do
        attribute :body, :binary
        def settings = { "a" => ["geheim\xFF"] }
      end
      record = before_that { Post.create!(title: "ä", organization_id: 1) }
      klass.where(id: record.id).update_all(body: "geheim\xFF".b)
      [nil, "Shown"].each do |serializer|
        Atr.config.event_serializer = serializer
        klass.find(record.id).update!(body: "ä")
        klass.find(record.id).update!(body: "geheim\xFF".b)
      end
      expect(routing_keys).to eq []
      expect(log.string.scan("not text in UTF-8: settings, body;").size).to eq 2
      expect(log.string.scan("not text in UTF-8: body, settings;").size).to eq 2
      expect(log.string).not_to include("geheim")
    end

    it "never breaks the save: the hook itself" do
      Atr.config.on_publish_error = ->(_error) { raise "hook" }
      klass = model { def publish_created_event = raise(ArgumentError, "oh") }
      expect { klass.create!(organization_id: 1) }.not_to raise_error
      expect(log.string).to include "on_publish_error raised RuntimeError: hook"
    end

    it "leaves the other events of the transaction" do
      klass = model { def publish_created_event = title == "bad" ? raise("oh") : super }
      klass.transaction { %w[bad good].each { |title| klass.create!(title:, organization_id: 1) } }
      expect(published.map { |message| message.event["record"]["title"] }).to eq ["good"]
    end
  end
end
