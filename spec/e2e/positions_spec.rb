# frozen_string_literal: true

require "support/embedded"
require "support/websocket_client"

RSpec.describe "Positions", :native do
  include Embedded

  POSITION = /\A\h{16}:\d+\z/ # rubocop:disable Lint/ConstantDefinitionInBlock -- of these examples

  def publish!(number, scope = "organization.1")
    Atr.publish_event!(Atr::Event.new("#{scope}.post.shared", "post.shared", number))
  end

  def offset(position)
    position.split(":").last.to_i
  end

  # @return [Array] the records that a client gets which starts at the positions
  def heard_from(positions, until_record:)
    client = knock(**{ "Sec-WebSocket-Protocol" => "atr.v1" })
    client.send_text(JSON.generate(type: "hello", positions:))
    heard = []
    heard << JSON.parse(client.next_text) until heard.last&.dig("event", "record") == until_record
    heard.filter_map { |frame| frame.dig("event", "record") if frame["type"] == "event" }
  end

  shared_examples "a broker with logs" do
    it "answers the position of an event, which the next ones follow" do
      first = publish!(1)
      expect(first).to match POSITION
      expect(offset(publish!(2))).to eq offset(first) + 1
      expect(offset(publish!(3, "user.7"))).to eq 1
    end

    it "says where logs end, of many scopes at once" do
      last = publish!(1)
      positions = Atr.positions("organization.1", ["user", 7], nil)
      expect(positions).to match("organization.1" => last, "user.7" => /\A\h{16}:0\z/, "" => /\A\h{16}:0\z/)
      expect(Atr.positions("organization.1", ["user", 7], nil)).to eq positions
      expect(Atr.position("user.7")).to eq positions["user.7"]
      expect(offset(publish!(2, "user.7"))).to eq 1
    end

    it "lets a client start where its page was rendered" do
      publish!("before")
      positions = Atr.positions("organization.1")
      publish!("between")
      publish!("last")
      expect(heard_from(positions, until_record: "last")).to eq %w[between last]
    end

    it "has no positions where no log is kept" do
      expect(Atr.position("quiet.1")).to be_nil
      expect(publish!(1, "quiet.1")).to be_nil
      expect(Atr.positions("quiet.1", "organization.1")).to match("quiet.1" => nil, "organization.1" => POSITION)
      expect(publishing_log).to eq ""
    end
  end

  let(:publishing_log) { "" }
  let(:scope_class) { Class.new(Atr::RequestScope) { def matches? = true and def routing_key = "organization.1" } }

  def logs(config)
    config.scope_with = scope_class
    config.log_for("quiet.*", size: 0)
  end

  describe "of the memory broker" do
    before { start_server { |config| logs(config) } }

    it_behaves_like "a broker with logs"

    it "are not known when the server has gone, which does not stop a page" do
      expect(Atr.position("organization.1")).to match POSITION
      servers.last.stop
      2.times { expect(Atr.position("organization.1")).to be_nil }
      expect(log.string.lines.grep(/WARN.*positions are not known.*no atr server listens/).size).to eq 1
    end
  end

  describe "of Redis" do
    let(:redis) { RedisServer.start }

    before do
      start_server do |config|
        config.broker = "redis"
        config.redis_url = redis_url
        logs(config)
      end
    end

    let(:redis_url) { redis.url }

    after { redis.close }

    it_behaves_like "a broker with logs"

    it "are not known while Redis is away, which does not stop a page, and are again when it is back" do
      expect(Atr.position("organization.1")).to match POSITION
      redis.stop
      2.times { expect(Atr.position("organization.1")).to be_nil }
      expect(log.string.lines.grep(/WARN.*positions are not known.*connection refused/).size).to eq 1
      redis.start(port: redis.port)
      eventually { Atr.position("organization.1") }
    end

    it "keeps events for a Redis that is read-only, and says where its logs end" do
      last = publish!(1)
      redis.command("REPLICAOF", "127.0.0.1", "1")
      expect { Atr.publish_event!(Atr::Event.new("organization.1.post.shared", "post.shared", 2), timeout_seconds: 0.5) }
        .to raise_error(Atr::PublishError, /not published: it could not be sent within 0\.5 s.*READONLY/)
      Atr.publish("post.shared", 3, scope: "organization.1")
      eventually { Atr.position("organization.1") == last }
      redis.command("REPLICAOF", "NO", "ONE")
      expect(Atr.flush(10)).to be true
      expect(offset(Atr.position("organization.1"))).to eq offset(last) + 1
    end

    it "says that a Redis has no memory left" do
      last = publish!(1)
      redis.command("CONFIG", "SET", "maxmemory", "1")
      expect { publish!(2) }.to raise_error(Atr::PublishError, /not published.*OOM/)
      redis.command("CONFIG", "SET", "maxmemory", "0")
      expect(Atr.position("organization.1")).to eq last
    end

    describe "that forbids what the log needs" do
      let(:redis_url) do
        redis.command("ACL", "SETUSER", "app", "on", ">geheim", "+@all", "~other:*", "&*")
        redis.url.sub("redis://", "redis://app:geheim@")
      end

      it "says so" do
        expect { publish!(1) }.to raise_error(Atr::PublishError, /not published.*NOPERM/)
        expect(Atr.position("organization.1")).to be_nil
        expect(log.string).to match(/WARN.*positions are not known.*NOPERM/)
        expect(log.string).not_to include "geheim"
      end
    end
  end
end
