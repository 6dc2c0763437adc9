# frozen_string_literal: true

require "docs/support/reader"

RSpec.describe "docs/migrating.md", :native, order: :defined do
  include Docs::Reader

  reads "docs/migrating.md"

  follows "What works as it is"

  before(:context) do
    app.add_gem
    app.serve(document.block("atr_server start"))
    console.evaluate('load "db/schema.rb"; 2.times { Organization.create! }')
  end

  it "keeps the names, and what they give" do
    app.run(block("Atr::Registry.channels", "# =>"))
  end

  it "keeps authenticators and scopes" do
    expect(status("/organization/1")).to eq 101
    expect(status("/organization/7")).to eq 401
    expect(status("/team/1")).to eq 403
  end

  it "keeps serializers and the page" do
    client = connect("/organization/1")
    Chromium.open do |browser|
      page = open_page(browser)
      app.browse(block("new WebSocket"), page, socket: "ws")
      console.evaluate(<<~RUBY)
        post = Post.create!(title: "Hello", organization_id: 1)
        Post.create!(title: "Theirs", organization_id: 2)
        post.update!(title: "Hello again")
      RUBY
      expect(wait_for_log(page, 2)).to eq [%w[post.created Hello], ["post.updated", "Hello again"]]
      expect(page.errors).to eq []
    end
    expect(client.next_event).to match("name" => "post.created", "action" => "created", "routing_key" => "organization.1.post.created",
                                       "record" => include("title" => "Hello"))
  end

  it "says of the settings what is so" do
    expect(Atr::Config.new.method(:serialize_events_with=)).to be_a(Method)
    expect(Atr::AtrError).to be Atr::Error
    expect([defined?(Atr::Redis), defined?(Atr::Reactor), defined?(Atr::MustImplementMethodError)]).to eq [nil] * 3
    expect(Atr::Server).not_to respond_to(:supervise_as)
  end

  describe "as a whole" do
    runs_every_block
  end
end
