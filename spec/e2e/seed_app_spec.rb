# frozen_string_literal: true

require "sqlite3"
require "support/chromium"
require "support/page_server"
require "support/ruby_process"
require "tmpdir"

# Whoever used the original gem goes on with the classes, the initializer and the JavaScript that its README shows.
RSpec.describe "A Rails app as the original gem's README has it" do
  attr_reader :root

  around do |example|
    Dir.mktmpdir do |directory|
      FileUtils.cp_r(File.expand_path("seed_app", __dir__), directory)
      @root = File.join(File.realpath(directory), "seed_app")
      @database = File.join(directory, "seed.sqlite3")
      SQLite3::Database.new(@database) do |database|
        database.execute_batch(<<~SQL)
          CREATE TABLE organizations (id INTEGER PRIMARY KEY, name TEXT);
          CREATE TABLE posts (id INTEGER PRIMARY KEY, organization_id INTEGER, title TEXT);
          INSERT INTO organizations VALUES (1, 'One'), (2, 'Two');
        SQL
      end
      example.run
    end
  end

  def environment(**more)
    { "RAILS_ENV" => "development", "SEED_DATABASE" => @database }.merge(more)
  end

  def start_server(**more, &)
    ServerProcess.start({ broker: "memory" }, environment: environment(**more), chdir: root, &)
  end

  # Yields the server's process and the app's, which publishes to it.
  def start(**more)
    start_server(**more) do |server|
      publishing = environment("ATR_ADMIN_URL" => "http://127.0.0.1:#{server.admin_port}", "ATR_BROKER" => "memory", **more)
      RubyProcess.start("./config/environment", environment: publishing, chdir: root) do |app|
        yield server, app
      ensure
        # A server that stops gives the clients that are left some time to answer its goodbye.
        @clients&.each(&:disconnect)
      end
    end
  end

  def status(server, path, **headers)
    WebSocketClient.status(port: server.port, path:, headers:)
  end

  def connect(server, path, **headers)
    WebSocketClient.open(port: server.port, path:, headers:).tap do |client|
      client.texts_so_far
      (@clients ||= []) << client
    end
  end

  %w[development production].each do |environment|
    it "tells each organization of its own posts, and of nobody else's (#{environment})" do
      start("RAILS_ENV" => environment) do |server, app|
        one = connect(server, "/organization/1")
        two = connect(server, "/organization/2")
        app.eval('post = Post.create!(organization_id: 1, title: "Hello"); post.update!(title: "Bye"); post.destroy!')
        app.eval('Post.create!(organization_id: 2, title: "Other")')

        events = Array.new(3) { one.next_event }
        expect(events.map { |event| event["name"] }).to eq %w[post.created post.updated post.destroyed]
        expect(events.first).to match("id" => match(/\A\h+\z/), "name" => "post.created", "routing_key" => "organization.1.post.created",
                                      "record" => include("title" => "Hello", "organization_id" => 1), "time_ago" => "less than a minute",
                                      "occured_at" => match(/\A20\d\d-/))
        expect(two.next_event["record"]).to include("title" => "Other")
        expect([one, two].flat_map(&:texts_so_far)).to eq []
      end
    end
  end

  it "refuses an organization that there is not, and a path that is none" do
    start_server do |server|
      status = ->(path) { status(server, path) }
      expect(%w[/organization/1 /organization/3 /organization /user/1 /].map(&status)).to eq [101, 401, 401, 403, 401]
      eventually { expect(server.output.lines.grep(/INFO .*refused 401 .*RecordNotFound/).size).to eq 3 }
      expect(server.output).not_to match(/ERROR/)
    end
  end

  it "holds no database connection between requests, and warns of a pool that is small" do
    start_server("SEED_POOL" => "1", "ATR_GATE_THREADS" => "4") do |server|
      server.wait_for_output(/WARN .*gate_threads is 4, but the database pool allows 1 /)
      # They come to all four threads; one that held the connection would have the next one wait, and fail.
      expect(Array.new(16) { status(server, "/organization/1") }.tally).to eq(101 => 16)
    end
  end

  it "goes by the classes as they are now, in development" do
    start_server do |server|
      expect(status(server, "/team/1")).to eq 403
      scope = File.join(root, "app/websocket/websocket_scope.rb")
      File.write(scope, File.read(scope).sub('["organization"]', '["organization", "team"]'))
      expect(status(server, "/team/1")).to eq 101
    end
  end

  it "runs the JavaScript: the URL, the send on open, the dispatch by name, the loop over the channels" do
    start do |server, app|
      organization = app.eval("one = Client::Organization.find(1); { id: one.id, websocket_channels: one.websocket_channels }")
      expect(organization["websocket_channels"]).to match_array %w[post.created post.updated post.destroyed]
      with_page(server, organization) do |page|
        page.wait_for("the connection") { page.console.include?("opening ws con") }
        app.eval('post = Post.create!(organization_id: 1, title: "Hello"); post.update!(title: "Bye"); post.destroy!')
        app.eval('Post.create!(organization_id: 2, title: "Other")')
        page.wait_for("three events") { page.evaluate("growls.length") == 3 }
        expect(page.evaluate("growls")).to eq %w[post.created post.updated post.destroyed]

        server.stop
        page.wait_for("the alert") { page.dialogs.any? }
        expect(page.dialogs).to eq ["websocket connection closed"]
        expect(page.evaluate("growls.length")).to eq 3
        expect(page.errors).to eq []
      end
    end
  end

  def with_page(server, organization)
    seed = File.read(File.join(root, "seed.js")).gsub("127.0.0.1:7777", "127.0.0.1:#{server.port}")
    html = <<~HTML
      <!doctype html><title>seed</title><script>
      window.organization = #{organization.to_json}; window.user = { id: 7 };
      #{File.read(File.join(root, "stubs.js"))}
      #{seed}
      </script>
    HTML
    pages = PageServer.new(html)
    Chromium.open do |browser|
      page = browser.new_page
      # Another name of this machine than the socket's: in development they are one.
      page.goto(pages.url("localhost"))
      yield page
    end
  ensure
    pages&.close
  end

  describe "with an authenticator that reads Rails' cookies" do
    # What a controller of the app sets, as a browser sends it back.
    def cookies(app, user)
      app.eval(<<~RUBY)
        response = Rack::MockRequest.new(Rails.application).get("http://127.0.0.1/login/#{user}")
        Array(response.headers["Set-Cookie"]).flat_map { |lines| lines.split("\\n") }.map { |line| line[/\\A[^;]+/] }.join("; ")
      RUBY
    end

    it "decrypts what a controller has encrypted, and no forgery" do
      start("ATR_AUTHENTICATE_WITH" => "CookieAuthenticator") do |server, app|
        status = ->(cookie) { status(server, "/organization/1", "Cookie" => cookie) }
        right = cookies(app, 42)
        expect(right).to match(/user_id=\S+; role=\S+/)
        expect(status.call(right)).to eq 101
        expect(status.call(cookies(app, 43))).to eq 401
        expect(status.call("user_id=42; role=reader")).to eq 401
        expect(status.call(right.sub(/user_id=..../, "user_id=AAAA"))).to eq 401
        expect(status.call(nil)).to eq 401
        expect(server.output).not_to match(/ERROR/)
      end
    end
  end
end
