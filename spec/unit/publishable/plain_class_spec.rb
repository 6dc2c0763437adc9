# frozen_string_literal: true

require "support/models"

RSpec.describe Atr::Publishable, "in a class without ActiveRecord" do
  include_context "with the test broker"

  let(:model) do
    Class.new do
      extend ActiveModel::Callbacks
      include ActiveModel::Model
      include ActiveModel::Attributes
      include ActiveModel::Dirty
      define_model_callbacks :create, :update, :destroy
      define_singleton_method(:name) { "Note" }

      include Atr::Publishable
      publication_scope :user_id

      attribute :id
      attribute :user_id
      attribute :text

      def create = run_callbacks(:create) { true }.tap { changes_applied }
      def destroy = run_callbacks(:destroy) { true }

      def update(**attributes)
        assign_attributes(attributes)
        run_callbacks(:update) { true }.tap { changes_applied }
      end
    end
  end

  it "publishes after create, update and destroy" do
    note = model.new(id: 1, user_id: 5, text: "a")
    note.create
    note.update(text: "b")
    note.destroy
    expect(routing_keys).to eq %w[user.5.note.created user.5.note.updated user.5.note.destroyed]
    expect(published[1].event).to include("record" => { "id" => 1, "user_id" => 5, "text" => "b" }, "changes" => { "text" => %w[a b] })
  end

  it "publishes nothing for an update that changed nothing" do
    note = model.new(id: 1, user_id: 5)
    note.instance_eval { changes_applied }
    note.update
    note.update
    # In `previous_changes` are still those of the creation.
    expect(routing_keys.size).to be <= 1
  end

  it "finds changes that are applied already when the callback runs" do
    applied_first = Class.new(model) do
      define_singleton_method(:name) { "Note" }
      def update(**attributes)
        assign_attributes(attributes)
        run_callbacks(:update) { changes_applied }
      end
    end
    note = applied_first.new(id: 1, user_id: 5, text: "a")
    note.create
    note.update(text: "b")
    expect(published.last.event["changes"]).to eq("text" => %w[a b])
  end

  it "waits for an open transaction of ActiveRecord" do
    Post.transaction do
      model.new(id: 1, user_id: 5).create
      expect(routing_keys).to eq []
    end
    expect(routing_keys).to eq ["user.5.note.created"]
  end

  it "publishes after commit where the class has such callbacks" do
    registered = []
    Class.new do
      define_singleton_method(:after_commit) { |on:, &block| registered << [on, block] }
      include Atr::Publishable
    end
    expect(registered.map(&:first)).to eq %i[create update destroy]
    note = model.new(id: 1, user_id: 5)
    note.instance_exec(&registered.first.last)
    expect(routing_keys).to eq ["user.5.note.created"]
  end

  it "says what is missing in a class without callbacks" do
    expect { Class.new { include Atr::Publishable } }
      .to raise_error(Atr::ConfigurationError, /has no after_create, after_update, after_destroy/)
  end
end
