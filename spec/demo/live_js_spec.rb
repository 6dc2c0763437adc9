# frozen_string_literal: true

require_relative "../support/chromium"

# The file that people copy, in a real browser, with a server that goes away and comes back.
RSpec.describe "examples/blog/public/live.js" do
  let(:source) { File.read(File.expand_path("../../examples/blog/public/live.js", __dir__)) }

  before do
    Atr.reset!
    Atr.configure do |config|
      config.broker = "memory"
      config.secret = "the secret of this spec"
      config.logger = Logger.new(File::NULL)
    end
  end

  after { Atr.reset! }

  def start_server(port: 0)
    Atr::Server.start(port: port, admin_port: 0)
  end

  # Any answer of the server is a document of its origin: the websocket to it is nothing foreign.
  def connect(page, port)
    page.goto("http://127.0.0.1:#{port}/")
    page.evaluate(<<~JAVASCRIPT)
      import("data:text/javascript," + encodeURIComponent(#{source.to_json})).then(({ connect }) => {
        window.seen = { states: [], waits: [], events: [], opened: 0 }
        connect("ws://127.0.0.1:#{port}/organization/1", {
          onOpen: () => seen.opened++,
          onEvent: (event) => seen.events.push(event.name),
          onState: (state, ms) => { seen.states.push(state); if (ms) seen.waits.push(ms) },
        })
      })
    JAVASCRIPT
  end

  def seen(page)
    page.evaluate("seen")
  end

  it "comes back by itself when the server does, and hears of what happens then" do
    server = start_server
    port = server.port
    Chromium.open do |browser|
      page = browser.new_page
      connect(page, port)
      page.wait_for("the connection") { seen(page)["opened"] == 1 }
      server.stop

      page.wait_for("the second try") { seen(page)["states"].count("connecting") == 3 }
      server = start_server(port: port)
      page.wait_for("the new connection") { seen(page)["opened"] == 2 }
      Atr.publish("post.created", { id: 1 })
      page.wait_for("the event") { seen(page)["events"] == ["post.created"] }

      expect(seen(page)["states"]).to start_with("connecting", "open", "waiting", "connecting", "waiting")
        .and end_with("connecting", "open")
      expect(seen(page)["waits"].first(2)).to match([be_between(500, 1_000), be_between(1_000, 2_000)])
      expect(page.errors).to be_empty
    end
  ensure
    server&.stop
  end
end
