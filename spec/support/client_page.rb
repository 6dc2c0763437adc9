# frozen_string_literal: true

require "json"
require_relative "page_server"

# A page in a real browser that has the browser client.
class ClientPage
  MODULE = File.expand_path("../../app/assets/javascripts/atr.js", __dir__)

  # @param browser [Chromium]
  # @param head [String] HTML of its own
  # @yieldparam page [ClientPage]
  def self.open(browser, head: "")
    server = PageServer.new("<!DOCTYPE html><title>A page</title>#{head}")
    page = browser.new_page
    page.goto(server.url)
    page.evaluate(SCRIPT)
    yield new(page)
  ensure
    server&.close
  end

  # @return [String] an address to import the client from
  def self.module_url
    "data:text/javascript;base64,#{[File.read(MODULE)].pack("m0")}"
  end

  SCRIPT = <<~JAVASCRIPT.freeze
    import(#{module_url.to_json}).then(({ connect }) => {
      window.begin = (url, options) => {
        const seen = window.seen = { states: [], infos: [], events: [], details: [], resets: [], errors: [] }
        const client = window.client = connect(url, options)
        client.onState((state, info) => { seen.states.push(state); seen.infos.push(info) })
        client.onReset((reset) => seen.resets.push(reset))
        client.onError((error) => seen.errors.push(`${error.code}: ${error.message}`))
        client.on("*", (event, info) => { seen.events.push(event); seen.details.push(info) })
      }
    })
  JAVASCRIPT

  # @return [Chromium::Page]
  attr_reader :page

  def initialize(page)
    @page = page
  end

  # Makes a client.
  # @param url [String]
  # @param options [String] in JavaScript
  def connect(url, options = "{}")
    page.evaluate("begin(#{url.to_json}, { firstDelay: 200, longestDelay: 400, ...#{options} })")
    self
  end

  def evaluate(javascript)
    page.evaluate(javascript)
  end

  # @return [Hash{String => Array}] what the client has told
  def seen
    evaluate("seen")
  end

  def state
    evaluate("client.state")
  end

  def transport
    evaluate("client.transport")
  end

  # @return [Array<Integer>] the numbers of the events
  def numbers
    evaluate("seen.events.map((event) => event.record.n)")
  end

  def wait_until_open
    wait_for("the open connection") { state == "open" }
  end

  def wait_for(what, **options, &)
    page.wait_for(what, **options, &)
  end
end
