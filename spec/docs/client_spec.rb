# frozen_string_literal: true

require "docs/support/reader"
require "open3"
require "support/client_page"
require "zlib"

RSpec.describe "docs/client.md", :native, order: :defined do
  include Docs::Reader

  reads "docs/client.md"

  package = File.join(Docs::ROOT, "js")

  describe "in a page" do
    before(:context) do
      app.begin_anew(ATR_AUTHENTICATE_WITH: "PathAuthenticator")
      # The app of README.md, with what this page adds to it.
      app.follow(Docs::Document.new("README.md").until("Who sees what"))
      app.follow(document.blocks)
      app.serve
      console.evaluate('load "db/schema.rb"; Organization.create!')
    end

    it "is served as it lies in the gem" do
      request = 'Rails.application.call(Rack::MockRequest.env_for("http://localhost/atr.js", "HTTP_HOST" => "localhost"))'
      answer = "[status, +\"\".tap { |text| body.each { |part| text << part } }]"
      status, code = console.evaluate("#{request}.then { |status, _, body| #{answer} }")
      expect([status, code.b]).to eq [200, File.binread(ClientPage::MODULE)]
    end

    # Runs blocks one behind the other, as a module that imports what importmap would give it.
    def run_in(page, *blocks, prelude: "")
      blocks.each(&:run!)
      code = app.local([prelude, *blocks.map(&:code)].join("\n"))
      code = code.gsub(/^import (\{.+\}) from "atr"$/) { "const #{Regexp.last_match(1)} = await import(#{ClientPage.module_url.to_json})" }
      page.evaluate("(async () => { #{code}\nwindow.client = client })()")
      page.wait_for("the open connection") { page.evaluate("client.state") == "open" }
    end

    def prepare(page)
      page.evaluate(<<~JAVASCRIPT)
        window.logged = []
        console.log = (...all) => logged.push(all)
        document.body.innerHTML = '<p id="status"></p>'
        null
      JAVASCRIPT
    end

    it "shows events and how it is connected, and loads the page again after a reset" do
      Chromium.open do |browser|
        page = open_page(browser)
        prepare(page)
        run_in(page, document.block("client.onReset(() => location.reload())"), document.block("#status"),
               prelude: "window.stale = true")
        console.evaluate('Post.create!(title: "Hello", organization_id: 1)')
        expect(wait_for_log(page, 1)).to eq [["post.created", "Hello"]]
        app.server.stop
        status = "document.querySelector('#status').textContent"
        page.wait_for("the wait") { page.evaluate(status).match?(/\AOffline, next try in \d+ s\z/) }
        app.serve
        page.wait_for("the new page", seconds: 60) { page.evaluate("window.stale") != true }
        expect(page.errors).to eq []
      end
    end

    it "loads what it shows after a reset" do
      Chromium.open do |browser|
        page = open_page(browser)
        prepare(page)
        run_in(page, document.block("showAll(posts)"), prelude: <<~JAVASCRIPT)
          import { connect } from "atr"
          const client = connect("ws://127.0.0.1:7777/organization/1")
          const fetch = async (url) => ({ json: async () => url })
          const showAll = (posts) => console.log(posts)
        JAVASCRIPT
        app.server.stop
        app.serve
        expect(wait_for_log(page, 1)).to eq [["/posts.json?scope=organization.1"]]
        expect(page.errors).to eq []
      end
    end
  end

  it "tests with what the package brings" do
    built, status = Open3.capture2e("node", "scripts/build.js", "--check", chdir: package)
    expect(status).to be_success, built
    block = document.block("FakeServer", "import")
    output, status = Open3.capture2e("node", "--input-type=module", stdin_data: block.code, chdir: package)
    expect(status).to be_success, output
    expect(output).to eq "Hello Are you there?\n"
    block.run!
  end

  it "says how much it is" do
    said = document.text[/\((\d+) kB compressed\)/, 1].to_i
    expect(Zlib.gzip(File.read(ClientPage::MODULE)).size).to be_within(500).of(said * 1_000)
  end

  it "says each option, and its default, as it is" do
    source = File.read(File.join(package, "src/options.ts"))
    options = document.rows("option").flat_map { |names, *| names.scan(/`(\w+)`/).flatten }
    expect(options).to match_array(source[/interface Options \{.*?^\}/m].scan(/^  (\w+)\?:/).flatten)
    document.rows("option").each do |name, default, _|
      expect(source).to include("options.#{name.delete("`")} ?? #{default.delete("`")},") if default.match?(/\d/)
    end
  end

  it "says all that a client can" do
    source = File.read(File.join(package, "src/client.ts"))
    members = source[/^export class Client.*?^\}/m].scan(/^  (?:get )?(\w+)(?:<.+?>)?\(/).flatten - ["constructor"]
    said = document.rows("").map(&:first).join(" ").scan(/`(\w+)/).flatten
    expect(said).to match_array(members)
  end

  describe "as a whole" do
    runs_every_block
  end
end
