# frozen_string_literal: true

require "support/authentication"
require "support/chromium"
require "support/client_page"
require "support/embedded"
require "support/tcp_proxy"

# The browser client in a browser, against the real server, over connections that really break.
RSpec.describe "The browser client", :native, timeout: 180 do
  include Authentication
  include Embedded

  before(:context) { @browser = Chromium.new }
  after(:context) { @browser&.close }

  # @yieldparam page [ClientPage]
  def open_page(**options, &)
    ClientPage.open(@browser, **options) do |page|
      yield page
      expect(page.page.errors).to eq []
    end
  end

  def serve(**settings, &)
    start_server(scope_with: path_scope, **settings, &)
  end

  def url(port, path = "/organization/1")
    "ws://127.0.0.1:#{port}#{path}"
  end

  def publish(*numbers, name: "post.created", scope: "organization.1")
    numbers.each { |number| Atr.publish(name, { n: number }, scope: scope) }
    Atr.flush
  end

  describe "that is connected" do
    it "hands events to the handlers of their names, until they are removed" do
      server = serve
      open_page do |page|
        page.connect(url(server.port)).wait_until_open
        page.evaluate(<<~JAVASCRIPT)
          window.heard = []
          window.first = (event) => heard.push(["post.created", event.record.n])
          client.on("post.created", first)
          window.remove = client.on("post.*", (event) => heard.push(["post.*", event.record.n]))
          null
        JAVASCRIPT
        publish(1)
        publish(2, name: "post.updated")
        publish(3, name: "comment.created")
        publish(4, scope: "organization.2")
        page.wait_for("three events") { page.numbers == [1, 2, 3] }
        expect(page.evaluate("heard")).to eq [["post.created", 1], ["post.*", 1], ["post.*", 2]]
        page.evaluate('client.off("post.created", first); remove()')
        publish(5)
        page.wait_for("the last event") { page.numbers == [1, 2, 3, 5] }
        expect(page.evaluate("heard.length")).to eq 3
        expect(page.seen).to include("states" => %w[connecting open], "resets" => [], "errors" => [])
        expect(page.seen["details"].first).to match("name" => "post.created", "scope" => "organization.1", "position" => /\A\h{16}:1\z/)
        expect(page.transport).to eq "websocket"
      end
    end

    it "asks the server only for the names that it wants, and resumes behind those that were held back" do
      server = serve(ping_interval_seconds: 0.2)
      TcpProxy.open(server.port) do |proxy|
        open_page do |page|
          page.connect(url(proxy.port), '{ names: ["post.*"] }').wait_until_open
          publish(1)
          publish(*2..30, name: "comment.created")
          page.wait_for("the position behind them") { page.evaluate("client.positions")["organization.1"]&.end_with?(":30") }
          proxy.cut
          publish(31, 32)
          proxy.mend
          page.wait_for("what was missed") { page.numbers == [1, 31, 32] }
          expect(page.seen["resets"]).to eq []
        end
      end
    end

    it "shows a token, a new one for each connection, and knows what the server calls it" do
      tokens = Queue.new
      gate = Class.new(Atr::RequestAuthenticator) do
        define_method(:matches?) { tokens << params[:token] }
        define_method(:client_key) { "user #{params[:token]}" }
      end
      server = serve(authenticate_with: gate)
      TcpProxy.open(server.port) do |proxy|
        open_page do |page|
          page.connect(url(proxy.port), "{ token: async () => `${window.count = (window.count ?? 0) + 1} &` }").wait_until_open
          expect(page.evaluate("client.clientKey")).to eq "user 1 &"
          proxy.cut
          proxy.mend
          page.wait_for("the second connection") { page.evaluate("client.clientKey") == "user 2 &" }
        end
      end
      expect(Array.new(2) { tokens.pop(true) }).to eq ["1 &", "2 &"]
    end
  end

  describe "whose network is cut" do
    it "gets every event once and in order, however often" do
      server = serve
      TcpProxy.open(server.port) do |proxy|
        open_page do |page|
          page.connect(url(proxy.port)).wait_until_open
          (1..240).each_slice(24).with_index do |numbers, round|
            publish(*numbers.first(8))
            proxy.cut
            publish(*numbers[8, 8])
            proxy.mend
            publish(*numbers.last(8))
            # The next cut comes when it is back, or while it is about to be.
            page.wait_for("all events so far") { page.numbers.size >= numbers.last } if round.odd?
          end
          expect(page.numbers).to eq (1..240).to_a
          expect(page.seen).to include("resets" => [], "errors" => [])
          expect(page.seen["states"].count("open")).to be >= 5
        end
      end
    end

    it "notices that nothing comes any more, although nobody has said so" do
      server = serve(ping_interval_seconds: 0.5)
      TcpProxy.open(server.port) do |proxy|
        open_page do |page|
          page.connect(url(proxy.port), "{ connectTimeout: 500 }").wait_until_open
          proxy.freeze_traffic
          publish(1)
          page.wait_for("the doubt") { page.seen["infos"].any? { |info| info["reason"] == "silent" } }
          proxy.thaw
          page.wait_for("the event") { page.numbers == [1] }
          expect(page.seen["resets"]).to eq []
        end
      end
    end

    it "is told what it has lost when it was away for too long" do
      server = serve { |config| config.log_size = 5 }
      TcpProxy.open(server.port) do |proxy|
        open_page do |page|
          page.connect(url(proxy.port)).wait_until_open
          publish(1)
          page.wait_for("the event") { page.numbers == [1] }
          proxy.cut
          publish(*2..20)
          proxy.mend
          page.wait_for("the reset") { page.seen["resets"].any? }
          publish(21)
          page.wait_for("the next event") { page.numbers.last == 21 }
          expect(page.numbers).to eq [1, 21]
          expect(page.seen["resets"]).to match [{ "scope" => "organization.1", "position" => /\A\h{16}:20\z/ }]
        end
      end
    end
  end

  describe "whose server is restarted" do
    # @return [Atr::Server] on the port of the one before
    def restart(server)
      server.stop
      yield if block_given?
      Atr::Server.start(port: server.port, admin_port: 0, scope_with: path_scope).tap { |one| servers << one }
    end

    it "loses nothing that Redis has kept" do
      redis = RedisServer.start
      server = serve do |config|
        config.broker = "redis"
        config.redis_url = redis.url
      end
      open_page do |page|
        page.connect(url(server.port)).wait_until_open
        publish(1)
        page.wait_for("the first event") { page.numbers == [1] }
        3.times do |round|
          server = restart(server) { publish((round * 2) + 2) }
          publish((round * 2) + 3)
        end
        page.wait_for("all events") { page.numbers.size >= 7 }
        expect(page.numbers).to eq (1..7).to_a
        expect(page.seen["resets"]).to eq []
        expect(page.seen["infos"].map { |info| info["code"] }).to include(1012)
      end
    ensure
      redis&.close
    end

    it "is told that a log in memory has gone with the server" do
      server = serve
      open_page do |page|
        page.connect(url(server.port)).wait_until_open
        publish(1)
        page.wait_for("the first event") { page.numbers == [1] }
        restart(server)
        page.wait_for("the reset") { page.seen["resets"].any? }
        publish(2)
        page.wait_for("the next event") { page.numbers == [1, 2] }
        expect(page.seen["resets"]).to match [{ "scope" => "organization.1", "position" => /\A\h{16}:0\z/ }]
      end
    end
  end

  describe "that is refused" do
    # How often the app was asked.
    let(:questions) { [] }

    # @param options [String] the client's, in JavaScript
    def expect_to_stay_away(code, options, **classes)
      server = start_server(**classes)
      open_page do |page|
        page.connect(url(server.port), options)
        page.wait_for("the end") { page.state == "closed" }
        expect(page.seen).to include("states" => %w[connecting closed], "infos" => [anything, include("code" => code)])
        # Ten times as long as it would have waited.
        page.evaluate("new Promise((resolve) => setTimeout(resolve, 2000))")
        expect(questions.size).to eq 1
      end
    end

    ["{}", "{ WebSocket: null }"].each do |options|
      it "does not come back when the authenticator has said no, with #{options}" do
        asked = questions
        expect_to_stay_away(4401, options, authenticate_with: authenticator { asked.push(1) && false })
      end

      it "does not come back when the scope has said no, with #{options}" do
        asked = questions
        expect_to_stay_away(4403, options, scope_with: scope { asked.push(1) && nil })
      end
    end

    it "comes back when the app has failed" do
      calls = 0
      server = serve(authenticate_with: authenticator { (calls += 1) > 2 || raise("not yet") })
      open_page do |page|
        page.connect(url(server.port)).wait_until_open
        expect(page.seen["infos"].map { |info| info["code"] }).to include(4500)
      end
    end
  end

  describe "in a network that breaks websockets" do
    let(:breaks_websockets) { ->(head) { head.match?(/^Upgrade: websocket/i) } }

    it "comes by server-sent events, and loses nothing" do
      server = serve
      TcpProxy.open(server.port, refuses: breaks_websockets) do |proxy|
        open_page do |page|
          page.connect(url(proxy.port)).wait_until_open
          expect(page.transport).to eq "sse"
          publish(1, 2)
          page.wait_for("the first events") { page.numbers == [1, 2] }
          proxy.cut
          publish(3, 4)
          proxy.mend
          page.wait_for("what was missed") { page.numbers.size >= 4 }
          publish(5)
          page.wait_for("the last event") { page.numbers.size >= 5 }
          expect(page.numbers).to eq [1, 2, 3, 4, 5]
          expect(page.seen).to include("resets" => [], "errors" => [])
          expect(page.seen["details"].last).to match("name" => "post.created", "scope" => "organization.1", "position" => /\A\h{16}:5\z/)
        end
      end
    end

    it "notices there, too, that nothing comes any more" do
      server = serve(ping_interval_seconds: 0.5)
      TcpProxy.open(server.port, refuses: breaks_websockets) do |proxy|
        open_page do |page|
          page.connect(url(proxy.port)).wait_until_open
          proxy.freeze_traffic
          page.wait_for("the doubt") { page.seen["infos"].any? { |info| info["reason"] == "silent" } }
          proxy.thaw
          publish(1)
          page.wait_for("the event") { page.numbers == [1] }
        end
      end
    end
  end

  describe "in a page" do
    # The client would wait for a minute.
    let(:patient) { "{ firstDelay: 60_000, longestDelay: 60_000, random: () => 1 }" }

    it "tries at once when somebody looks at the page again" do
      away_and_back { |page| page.evaluate('document.dispatchEvent(new Event("visibilitychange"))') }
    end

    it "tries at once when the network is back" do
      away_and_back do |page|
        page.page.call("Network.enable")
        [true, false].each do |offline|
          page.page.call("Network.emulateNetworkConditions", { offline:, latency: 0, downloadThroughput: -1, uploadThroughput: -1 })
        end
      end
    end

    def away_and_back
      server = serve
      TcpProxy.open(server.port) do |proxy|
        open_page do |page|
          page.connect(url(proxy.port), patient).wait_until_open
          proxy.cut
          page.wait_for("the loss") { page.state == "waiting" }
          proxy.mend
          yield page
          page.wait_for("the connection", seconds: 10) { page.state == "open" }
        end
      end
    end

    it "gets what has happened between the page's rendering and its connection" do
      server = serve
      publish(1)
      position = Atr.position("organization.1")
      tag = %(<meta name="atr-positions" content="#{ERB::Util.h(JSON.generate("organization.1" => position))}">)
      publish(2)
      open_page(head: tag) do |page|
        publish(3)
        page.connect(url(server.port)).wait_until_open
        publish(4)
        page.wait_for("all events") { page.numbers.size >= 3 }
        expect(page.numbers).to eq [2, 3, 4]
        expect(page.seen["resets"]).to eq []
      end
    end
  end
end
