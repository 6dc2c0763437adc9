# frozen_string_literal: true

require "open3"
require "rbconfig"
require "support/models"

RSpec.describe Atr do
  include_context "with the test broker"

  it "has the original's name for its errors" do
    expect(Atr::AtrError).to be Atr::Error
    expect([Atr::ConfigurationError, Atr::PublishError, Atr::ServerError, Atr::ForkError]).to all be < Atr::Error
  end

  describe ".configure" do
    it "yields the settings and runs the load hooks" do
      loaded = []
      ActiveSupport.on_load(:atr) { loaded << self }
      loaded.clear
      described_class.configure { |config| config.server_port = 1 }
      expect(described_class.config.server_port).to eq 1
      expect(described_class.configuration).to be described_class.config
      expect(loaded).to eq [described_class]
    end
  end

  describe ".publish" do
    it "publishes what is no record" do
      expect(described_class.publish("import.finished", { rows: 12 }, scope: "organization.1")).to be true
      expect(published.first).to have_attributes(routing_key: "organization.1.import.finished", scope: "organization.1")
      expect(published.first.event).to include("record" => { "rows" => 12 }, "record_type" => nil)
    end

    it "publishes unscoped when no scope is given, but not when it is empty" do
      described_class.publish(:ping, nil)
      expect(described_class.publish("ping", nil, scope: "")).to be false
      expect(published.map(&:scope)).to eq [""]
      expect(log.string).to include "ping was not published"
    end

    it "publishes a record as a model does" do
      described_class.publish("post.shared", Post.new(title: "a", api_token: "geheim"))
      expect(published.first.event).to include("record" => include("title" => "a"), "record_type" => "Post")
      expect(published.first.json).not_to include "geheim"
    end

    it "refuses a name that cannot be" do
      expect(described_class.publish("import finished", {})).to be false
      expect(described_class.publish(nil, {})).to be false
      expect(routing_keys).to eq []
    end

    it "never raises, whatever the payload does" do
      payload = Object.new.tap { |object| object.define_singleton_method(:as_json) { |*| raise IOError, "oh" } }
      expect(described_class.publish("a.b", payload)).to be false
      expect(log.string).to include "a.b was not published: IOError: oh"
    end

    it "waits for the commit, with the payload as it was" do
      payload = { "rows" => [1], "name" => +"a" }
      Post.transaction do
        expect(described_class.publish("a.b", payload)).to be_nil
        payload["rows"] << 2
        payload["name"] << "b"
        expect(routing_keys).to eq []
      end
      expect(published.first.event["record"]).to eq("rows" => [1], "name" => "a")
    end
  end

  describe ".publish_event" do
    it "publishes, and waits for a commit" do
      expect(described_class.publish_event(Atr::Event.new("a.b", "a.b", nil))).to be true
      Post.transaction do
        described_class.publish_event(Atr::Event.new("c.d", "c.d", nil))
        raise ActiveRecord::Rollback
      end
      Post.transaction { described_class.publish_event(Atr::Event.new("e.f", "e.f", nil)) }
      expect(routing_keys).to eq %w[a.b e.f]
    end
  end

  describe ".publish_event!" do
    it "publishes at once, and raises" do
      Post.transaction do
        expect(described_class.publish_event!(Atr::Event.new("a.b", "a.b", nil))).to eq "0000000000000000:1"
        expect(routing_keys).to eq ["a.b"]
      end
      expect { described_class.publish_event!(Atr::Event.new("a b", "a b", nil)) }.to raise_error(Atr::PublishError)
    end
  end

  describe ".position" do
    it "is where the log of a scope ends" do
      described_class.publish("b.c", nil, scope: "organization.1")
      described_class.publish("b.c", nil)
      expect(described_class.position("organization.1")).to eq "0000000000000000:1"
      expect(described_class.position(["organization", 1])).to eq "0000000000000000:1"
      expect(described_class.position(["organization", 2])).to eq "0000000000000000:0"
      expect([described_class.position(nil), described_class.position("")]).to eq ["0000000000000000:1"] * 2
    end

    it "is that of several scopes, by their names" do
      expect(described_class.positions("a", ["user", 7], nil, "a"))
        .to eq("a" => "0000000000000000:0", "user.7" => "0000000000000000:0", "" => "0000000000000000:0")
      expect(described_class.positions).to eq({})
    end

    it "is nothing for what can be no scope, and one warning" do
      described_class.config.logger = Logger.new(log = StringIO.new)
      expect(described_class.positions("a b", ["organization", nil], ["slug", "a.id.7"], "-")).to eq({})
      expect(described_class.position("a b")).to be_nil
      expect(log.string.lines.grep(/WARN.*"a b" can be no scope/).size).to eq 1
      expect(log.string.lines.size).to eq 1
    end
  end

  it "flushes" do
    expect(described_class.flush).to be true
    described_class.publish("a.b", nil)
    expect(described_class.flush(1)).to be true
  end

  it "knows the environment" do
    allow(Atr::RailsApp).to receive(:environment).and_return("production")
    expect([described_class.environment, described_class.production?]).to eq ["production", true]
  end

  # In a process of its own, where nothing else is loaded.
  it "starts no thread, opens no socket and loads neither ActiveRecord nor Redis when it is required" do
    output, status = Open3.capture2e(RbConfig.ruby, "-I#{File.expand_path("../../lib", __dir__)}", "-e", <<~RUBY)
      require "logger"
      # Its concurrent-ruby may have a thread of its own.
      require "active_support"
      require "active_support/core_ext/object/json"
      open = -> { ObjectSpace.each_object(IO).count { |io| !io.closed? && io.fileno > 2 } }
      threads, files = Thread.list.size, open.call
      require "atr"
      p Thread.list.size - threads, open.call - files, defined?(ActiveRecord), defined?(Redis), defined?(Rails), Atr.autoload?(:Native).nil?
    RUBY
    expect(status).to be_success
    expect(output.split).to eq %w[0 0 nil nil nil false]
  end
end
