# frozen_string_literal: true

require "support/authentication"
require "support/embedded"

RSpec.describe "Delivery, from Atr.publish to a browser's socket", :native do
  include Authentication
  include Embedded

  # What is published when this returns has been taken by the broker.
  def publish(name, payload = {}, scope: nil)
    Atr.publish(name, payload, scope:)
    raise "the broker did not answer" unless Atr.flush(10)
  end

  # Nothing tells that something does not come; but what is published later comes later.
  def names_until_marker(client, scope: nil)
    publish("marker.sent", scope:)
    names = []
    names << client.next_event["name"] until names.last == "marker.sent"
    names[0..-2]
  end

  shared_examples "a broker" do
    it "brings an event to every client of its scope, and to no other" do
      one, other, second = connect_in("organization.1", "organization.2", "organization.1")
      publish("post.created", { title: "Hello" }, scope: "organization.1")
      [one, second].each do |client|
        expect(client.next_event).to include("name" => "post.created", "routing_key" => "organization.1.post.created",
                                             "record" => { "title" => "Hello" })
      end
      expect(names_until_marker(other, scope: "organization.2")).to eq []
    end

    it "takes scopes exactly: neither the unscoped, nor those below, nor those that begin alike" do
      client, = connect_in("organization.1")
      publish("post.created")
      publish("post.created", scope: "organization")
      publish("post.created", scope: "organization.1.team.2")
      publish("post.created", scope: "organization.10")
      expect(names_until_marker(client, scope: "organization.1")).to eq []
    end

    it "brings unscoped events to clients of the empty scope only" do
      unscoped, scoped = connect_in("", "organization.1")
      publish("post.created")
      expect(unscoped.next_event).to include("name" => "post.created", "routing_key" => "post.created")
      expect(names_until_marker(scoped, scope: "organization.1")).to eq []
    end

    it "brings the events of all its scopes to a client of several" do
      client, = connect_in("organization.1,user.2")
      publish("post.created", scope: "user.2")
      publish("post.updated", scope: "organization.1")
      expect(Array.new(2) { client.next_event["routing_key"] }).to eq ["user.2.post.created", "organization.1.post.updated"]
    end

    # Not with an eager collector: it would take a minute.
    it "keeps the order, loses none and repeats none", native: false do
      clients = connect_in("organization.1", "organization.1")
      500.times { |number| Atr.publish("counter.changed", { number: }, scope: "organization.1") }
      publish("marker.sent", scope: "organization.1")
      clients.each do |client|
        events = [client.next_event]
        events << client.next_event until events.last["name"] == "marker.sent"
        expect(events[0..-2].map { |event| event.dig("record", "number") }).to eq [*0..499]
      end
    end

    it "brings the bytes of the JSON as they were published" do
      client, = connect_in("organization.1")
      text = "Grüße, \u{1F600} </script> #{"x" * 100_000}"
      publish("post.created", { text: }, scope: "organization.1")
      expect(client.next_event["record"]).to eq("text" => text)
    end

    it "says goodbye to who says `unsubscribe`" do
      client, stays = connect_in("organization.1", "organization.1")
      client.send_text("unsubscribe")
      expect(client.part).to eq 1000
      publish("post.created", scope: "organization.1")
      expect(stays.next_event["name"]).to eq "post.created"
    end

    it "does not mind what else a client sends" do
      client, = connect_in("organization.1")
      client.send_text('{"action":"do.something.1"}')
      client.ping("still there?")
      expect(client.next_frame).to have_attributes(opcode: WebSocketClient::PONG, payload: "still there?")
      publish("post.created", scope: "organization.1")
      expect(client.next_event["name"]).to eq "post.created"
    end

    it "goes on for the others when a client drops off" do
      leaves, stays = connect_in("organization.1", "organization.1")
      leaves.disconnect
      publish("post.created", scope: "organization.1")
      expect(stays.next_event["name"]).to eq "post.created"
    end
  end

  # Clients of these scopes; a comma stands between several of one client.
  def connect_in(*scopes)
    server = start
    scopes.map { |keys| connect(server, "/?scopes=#{keys}") }.tap { scopes.each { |keys| ready(keys.split(",", -1)) } }
  end

  def scope_of_query
    scope { params[:scopes].split(",", -1).then { |keys| keys.empty? ? "" : keys } }
  end

  describe "over the memory broker" do
    it_behaves_like "a broker"

    def start
      start_server(scope_with: scope_of_query)
    end

    def ready(_scopes); end

    it "takes what another process publishes at its admin port" do
      client, = connect_in("organization.1")
      script = 'Atr.configure { |c| c.secret = "secret of the specs"; c.broker = "memory" }
                Atr.publish("post.created", { from: Process.pid }, scope: "organization.1"); exit(Atr.flush(10) ? 0 : 1)'
      pid = spawn({ "ATR_ADMIN_URL" => "http://127.0.0.1:#{servers.last.admin_port}" }, RbConfig.ruby, "-Ilib", "-ratr", "-e", script)
      expect(client.next_event["record"]).to eq("from" => pid)
      expect(Process.wait2(pid).last).to be_success
    end
  end

  describe "over Redis" do
    before(:all) { @redis = RedisServer.start }
    after(:all) { @redis.close }

    it_behaves_like "a broker"

    def start
      start_server(scope_with: scope_of_query) do |config|
        config.broker = "redis"
        config.redis_url = @redis.url
      end
    end

    def channel(scope)
      "atr:{#{scope.empty? ? "-" : scope}}"
    end

    def ready(scopes)
      scopes = [""] if scopes.empty?
      scopes.each { |scope| @redis.wait_for_subscriber(channel(scope)) }
    end

    it "brings what another program publishes on the channel of a scope" do
      client, = connect_in("organization.1")
      @redis.command("PUBLISH", channel("organization.1"), '{"name":"post.created","from":"elsewhere"}')
      expect(client.next_event).to eq("name" => "post.created", "from" => "elsewhere")
    end

    it "subscribes once for all clients of a scope, and leaves it some time after the last" do
      server = start_server(scope_with: scope_of_query, subscription_grace_seconds: 0.1) do |config|
        config.broker = "redis"
        config.redis_url = @redis.url
      end
      both = Array.new(2) { connect(server, "/?scopes=organization.1") }
      ready(["organization.1"])
      expect(@redis.subscribers(channel("organization.1"))).to eq 1
      both.each(&:disconnect)
      eventually { @redis.subscribers(channel("organization.1")).zero? }
    end
  end
end
