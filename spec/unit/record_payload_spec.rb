# frozen_string_literal: true

require "support/models"

RSpec.describe Atr::RecordPayload do
  include_context "with the test broker"

  let(:post) do
    Post.new(title: "a", body: "b", organization_id: 1, password_digest: "x", api_token: "y", settings: { theme: "dark", token: "z" })
  end

  def listing(*names)
    Class.new(Post) do
      define_singleton_method(:name) { "Post" }
      publishable_attributes(*names)
      def shout = title.upcase
    end
  end

  it "is all that the model's filters do not hide, nested keys too" do
    expect(described_class.new(post).to_h).to eq(
      "id" => nil, "title" => "a", "body" => "b", "organization_id" => 1, "settings" => { "theme" => "dark" },
      "created_at" => nil, "updated_at" => nil
    )
  end

  it "is what the model lists, methods too, whatever it is called" do
    record = listing(:title, :shout, :api_token).new(title: "a", api_token: "y")
    expect(described_class.new(record).to_h).to eq("title" => "a", "shout" => "A", "api_token" => "y")
  end

  it "has the values as they are in JSON" do
    post.created_at = Time.utc(2026, 11, 21, 16)
    expect(described_class.new(post).to_h).to include("created_at" => "2026-11-21T16:00:00.000Z")
  end

  it "reads by the model's methods" do
    post.define_singleton_method(:title) { super().upcase }
    expect(described_class.new(post).to_h).to include("title" => "A")
  end

  it "shows of changes what it shows of the record" do
    changes = { "title" => %w[a b], "password_digest" => %w[x y], "settings" => [{ "token" => 1 }, { "token" => 2, "theme" => "dark" }] }
    expect(described_class.new(post).changes(changes)).to eq("title" => %w[a b], "settings" => [{}, { "theme" => "dark" }])
    expect(described_class.new(listing(:body).new).changes(changes)).to eq({})
  end

  it "takes what is no record as it is" do
    expect(described_class.new({ api_token: 1, at: Time.utc(2026) }).to_h).to eq("api_token" => 1, "at" => "2026-01-01T00:00:00.000Z")
    expect(described_class.new([1, :a]).to_h).to eq [1, "a"]
  end

  it "takes any object with attributes" do
    klass = Class.new do
      include ActiveModel::Model
      include ActiveModel::Attributes
      attribute :title
      attribute :password
    end
    expect(described_class.new(klass.new(title: "a", password: "b")).to_h).to eq("title" => "a")
  end

  describe "what is left out" do
    before { Post.remove_instance_variable(:@atr_attribute_filter) if Post.instance_variable_defined?(:@atr_attribute_filter) }

    it "is said once for a model in development" do
      2.times { described_class.new(Post.new).to_h }
      expect(log.string.scan("events of Post leave out api_token, password_digest").size).to eq 1
    end

    it "is not said elsewhere" do
      allow(Atr).to receive(:environment).and_return("production")
      described_class.new(post).to_h
      expect(log.string).to eq ""
    end

    it "is not said where nothing is" do
      described_class.new(Comment.new).to_h
      expect(log.string).to eq ""
    end
  end
end
