# frozen_string_literal: true

require "json"
require "support/authentication"
require "support/chromium"
require "support/embedded"
require "support/page_server"
require "support/tcp_proxy"

# Nothing but the browser's own EventSource, in a page of another origin, against the real server.
RSpec.describe "Server-sent events", :native, timeout: 180 do
  include Authentication
  include Embedded

  before(:context) { @browser = Chromium.new }
  after(:context) { @browser&.close }

  let(:page) { @browser.new_page }
  let(:pages) { PageServer.new("<!DOCTYPE html><title>A page</title>") }

  after do
    # Its connections end with it.
    page.goto("about:blank")
    pages.close
  end

  def serve(**settings, &)
    start_server(scope_with: path_scope, **settings, &)
  end

  # Has the page listen, and wait for its welcome.
  def listen(port, path = "/organization/1")
    begin_listening(port, path)
    page.wait_for("the welcome") { seen["welcome"].any? }
  end

  def begin_listening(port, path = "/organization/1")
    page.goto(pages.url)
    page.evaluate(<<~JAVASCRIPT)
      window.seen = { welcome: [], message: [], reset: [], disconnect: [] }
      window.source = new EventSource(#{"http://127.0.0.1:#{port}#{path}".to_json}, { withCredentials: true })
      for (const name of Object.keys(seen)) source.addEventListener(name, ({ data }) => seen[name].push(JSON.parse(data)))
      null
    JAVASCRIPT
  end

  # @return [Hash{String => Array}] the JSON of what came, by name
  def seen
    page.evaluate("seen")
  end

  def numbers
    seen["message"].map { |event| event["record"]["n"] }
  end

  def publish(*numbers)
    numbers.each { |number| Atr.publish("post.created", { n: number }, scope: "organization.1") }
    Atr.flush
  end

  it "come back by themselves, from where they were" do
    server = serve
    TcpProxy.open(server.port) do |proxy|
      listen(proxy.port)
      publish(1, 2)
      page.wait_for("the first events") { numbers == [1, 2] }
      2.times do |round|
        proxy.cut
        publish((round * 2) + 3)
        proxy.mend
        page.wait_for("what was missed", seconds: 20) { numbers.size >= (round * 2) + 3 }
        publish((round * 2) + 4)
        page.wait_for("the next event") { numbers.size >= (round * 2) + 4 }
      end
      expect(numbers).to eq (1..6).to_a
      states = seen["welcome"].map { |welcome| welcome["scopes"]["organization.1"]["recovered"] }
      expect(states).to match [nil, true, true]
    end
  end

  it "are told when the server goes, and come back to the next one" do
    redis = RedisServer.start
    server = serve do |config|
      config.broker = "redis"
      config.redis_url = redis.url
    end
    listen(server.port)
    publish(1)
    page.wait_for("the first event") { numbers == [1] }
    server.stop
    publish(2)
    servers << Atr::Server.start(port: server.port, admin_port: 0, scope_with: path_scope)
    page.wait_for("what was missed", seconds: 30) { numbers == [1, 2] }
    expect(seen["disconnect"]).to match [include("reason" => "restart", "reconnect" => true, "after" => Integer)]
    expect(seen["reset"]).to eq []
  ensure
    redis&.close
  end

  it "say it when a log in memory has gone with the server" do
    server = serve
    listen(server.port)
    publish(1)
    page.wait_for("the first event") { numbers == [1] }
    server.stop
    servers << Atr::Server.start(port: server.port, admin_port: 0, scope_with: path_scope)
    page.wait_for("the second welcome", seconds: 30) { seen["welcome"].size == 2 }
    expect(seen["welcome"].last["scopes"]).to match("organization.1" => { "position" => /\A\h{16}:0\z/, "recovered" => false })
    publish(2)
    page.wait_for("the next event") { numbers == [1, 2] }
  end

  it "stay away when the app has said no" do
    questions = []
    server = start_server(authenticate_with: authenticator { questions.push(1) && false })
    begin_listening(server.port)
    page.wait_for("the end") { page.evaluate("source.readyState === EventSource.CLOSED") }
    # Longer than a browser would have waited.
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 4000))")
    expect(questions.size).to eq 1
  end

  it "bring JSON on several lines whole" do
    serializer = Class.new do
      define_method(:initialize) { |event| @event = event }
      define_method(:to_json) { |*| JSON.pretty_generate("name" => @event.name, "record" => { "n" => 1, "text" => "a\nb" }) }
    end
    server = serve { |config| config.event_serializer = serializer }
    listen(server.port)
    publish(1)
    page.wait_for("the event") { seen["message"].any? }
    expect(seen["message"]).to eq ["name" => "post.created", "record" => { "n" => 1, "text" => "a\nb" }]
  end
end
