# frozen_string_literal: true

require "support/authentication"
require "support/embedded"

RSpec.describe "A Redis that dies and comes back" do
  include Authentication
  include Embedded

  let(:redis) { RedisServer.start }

  after { redis.close }

  def start
    start_server(scope_with: path_scope) do |config|
      config.broker = "redis"
      config.redis_url = redis.url
    end
  end

  def expect_delivery(client)
    redis.wait_for_subscriber("atr:{organization.1}", within: 30)
    # What is published before the publisher has its connection again may be lost, and is counted as such.
    event = eventually(within: 30, what: "an event that is delivered") do
      Atr.publish("post.created", {}, scope: "organization.1")
      Atr.flush(1)
      client.texts_so_far.first
    end
    expect(JSON.parse(event)).to include("name" => "post.created")
  end

  it "goes on delivering to clients that never lost their connection" do
    start
    client = connect(servers.last, "/organization/1")
    expect_delivery(client)
    redis.kill
    expect { Atr.publish("post.created", {}, scope: "organization.1") }.not_to raise_error
    # It still answers.
    client.texts_so_far
    2.times do
      redis.restart
      expect_delivery(client)
    end
  end

  it "lets clients in while Redis is away, and delivers when it comes" do
    redis.kill
    start
    client = connect(servers.last, "/organization/1")
    redis.restart
    expect_delivery(client)
  end

  it "logs each change of its state once" do
    start
    connect(servers.last, "/organization/1")
    redis.wait_for_subscriber("atr:{organization.1}")
    redis.kill
    eventually { log.string.lines.grep(/WARN.*[Rr]edis/).any? }
    redis.restart
    redis.wait_for_subscriber("atr:{organization.1}", within: 30)
    eventually { log.string.lines.grep(/INFO.*[Rr]edis/).any? }
    expect(log.string.lines.grep(/WARN.*[Rr]edis/).size).to eq 1
  end
end
