# frozen_string_literal: true

require "delegate"
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
      self.filter_attributes = filter_attributes.dup
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

  it "finds out of each object whether it has attributes where not all of its class have" do
    objects = [Post.new(title: "a"), { "a" => 1 }, Comment.new(text: "b")].map { |object| SimpleDelegator.new(object) }
    payloads = objects.map { |object| described_class.new(object).to_h }
    expect(payloads).to match [include("title" => "a"), { "a" => 1 }, include("text" => "b")]
  end

  it "takes a Hash as it is, whatever methods it has" do
    klass = Class.new(Hash) { def attributes = { "b" => 2 } }
    expect(Array.new(2) { described_class.new(klass[:a, 1]).to_h }).to eq [{ "a" => 1 }] * 2
  end

  describe "after another record of the class" do
    let(:model) { listing }

    before { described_class.new(model.new(title: "a")).to_h }

    def shown(record)
      described_class.new(record).to_h
    end

    it "is of the attributes that this one has" do
      id = model.create!(title: "a").id
      expect(shown(model.select(:id, :title).find(id))).to eq("id" => id, "title" => "a")
      expect(shown(model.select("id", "7 AS rank").find(id))).to eq("id" => id, "rank" => 7)
      expect(shown(model.find(id)).keys).to eq(shown(model.new).keys).and include("title", "created_at")
    end

    it "is what the filters hide now" do
      model.filter_attributes += [:title]
      expect(shown(model.new).keys & %w[title body]).to eq %w[body]
      model.filter_attributes << :body
      expect(shown(model.new).keys & %w[title body]).to eq []
    end

    it "is what a filter that changes values makes of them now" do
      model.filter_attributes += [->(name, value) { value.replace("*") if name == "title" }]
      expect(shown(model.new(title: +"a"))).to include("title" => "*")
    end

    it "is what the model lists now" do
      model.publishable_attributes :title
      expect(shown(model.new(title: "a"))).to eq("title" => "a")
      model.publishable_attributes :body
      expect(shown(model.new(body: "b"))).to eq("body" => "b")
    end

    it "is read by the methods that the model has now" do
      model.define_method(:title) { "#{super()}!" }
      expect(shown(model.new(title: "a"))).to include("title" => "a!")
      model.remove_method(:title)
      model.class_eval { private def title = "mine" }
      expect(shown(model.new(title: "a"))).to include("title" => "mine")
    end

    it "has the columns that the table has now" do
      MainDatabase.connection.add_column(:posts, :summary, :string)
      model.reset_column_information
      expect(shown(model.new(summary: "s"))).to include("summary" => "s")
    ensure
      MainDatabase.connection.remove_column(:posts, :summary)
      model.reset_column_information
    end

    it "is what a subclass says itself" do
      child = Class.new(model) { publishable_attributes :body }
      grandchild = Class.new(child)
      expect([child, model, grandchild].map { |klass| shown(klass.new(body: "b")).size }).to eq [1, 7, 1]
      child.publishable_attributes :title, :body
      expect([child, model, grandchild].map { |klass| shown(klass.new(body: "b")).size }).to eq [2, 7, 2]
    end

    it "is the same in a forked child" do
      record = model.new(title: "b", created_at: Time.utc(2026))
      reader, writer = IO.pipe
      pid = fork do
        writer.write(JSON.generate(shown(record)))
        writer.close
        exit!(0)
      end
      writer.close
      expect(JSON.parse(reader.read)).to eq shown(record)
    ensure
      Process.wait(pid)
    end
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
