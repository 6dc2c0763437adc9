# frozen_string_literal: true

require "docs/support/reader"
require "json"

RSpec.describe "docs/protocol.md", :native, order: :defined do
  include Docs::Reader

  reads "docs/protocol.md"

  # Numbers and names differ each time.
  def shape(text)
    text.gsub(/\h{16}(:\d+)?/) { "0" * 16 }.gsub(/(?<=data: )\{.*\}/) { |json| outline(JSON.parse(json)) }
  end

  # What a frame has; of an app's event only its name.
  def outline(json)
    JSON.generate(json["type"] ? json.sort.to_h : json.slice("name"))
  end

  it "shows what comes to curl" do
    app.begin_anew(ATR_AUTHENTICATE_WITH: "PathAuthenticator")
    # The app of README.md.
    app.follow(Docs::Document.new("README.md").until("Who sees what"))
    app.serve
    console.evaluate('load "db/schema.rb"; Organization.create!')
    curl = app.type(document.block("curl"))
    curl.wait_for(/^event: welcome$.*\n\n/m)
    console.evaluate('Post.create!(title: "Hello", organization_id: 1)')
    curl.wait_for(/post\.created.*\n\n/m)
    expect(shape(curl.output.chomp)).to eq shape(document.block("event: welcome").code)
  end

  it "shows the frames as JSON" do
    frames = document.blocks.select { |block| block.language == "json" }.map { |block| JSON.parse(block.code) }
    expect(frames.map { |frame| frame["type"] }).to eq %w[hello ping pong welcome event reset ping error disconnect]
  end

  describe "as a whole" do
    runs_every_block
  end
end
