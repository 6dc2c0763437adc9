# frozen_string_literal: true

require "atr/model_loader"
require "support/models"

RSpec.describe Atr::Registry do
  it "lists the events of every publishable class, subclasses and those of abstract classes too" do
    expect(described_class.channels).to include(
      "post.created", "post.updated", "post.destroyed", "truck.created", "truck.destroyed", "tricycle.updated",
      "fake.blog.post.created", "audit.updated"
    )
    expect(described_class.channels).not_to include("truck.updated")
    expect(described_class.channels.grep(/publishable_record/)).to eq []
    expect(described_class.channels).to eq described_class.channels.uniq
    expect(Atr.channels).to eq described_class.channels
  end

  it "puts a scope before them" do
    expect(described_class.scoped_channels("user.1234")).to include("user.1234.fake.blog.post.created", "user.1234.post.destroyed")
  end

  it "does not list a class without a name" do
    nameless = Class.new(Post)
    expect(described_class.models).to include(Post)
    expect(described_class.models).not_to include(nameless)
  end

  it "lists a class that got its name later" do
    klass = Class.new(MainDatabase) { include Atr::Publishable }
    stub_const("NamedLater", klass)
    expect(described_class.channels).to include("named_later.created")
  end

  it "holds no class that was unloaded" do
    klass = stub_const("Unloaded", Class.new(MainDatabase)).tap { |model| model.include(Atr::Publishable) }
    described_class.forget_unloaded
    expect(described_class.instance_variable_get(:@included)).to include(klass, Post)
    hide_const("Unloaded")
    described_class.forget_unloaded
    expect(described_class.instance_variable_get(:@included)).to include(Post)
    expect(described_class.instance_variable_get(:@included)).not_to include(klass)
  end

  it "lists a reloaded class once, and only the new one" do
    old, new = Array.new(2) do
      stub_const("Reloaded", Class.new(MainDatabase)).tap { |klass| klass.include(Atr::Publishable) }
    end
    expect(described_class.models).to include(new)
    expect(described_class.models).not_to include(old)
    expect(described_class.channels.count("reloaded.created")).to eq 1
  end

  it "has the models loaded first" do
    loader = instance_double(Atr::ModelLoader, load: nil)
    described_class.loader = loader
    described_class.channels
    expect(loader).to have_received(:load)
  ensure
    described_class.loader = nil
  end
end
