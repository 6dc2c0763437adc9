# frozen_string_literal: true

require "active_record"
require "support/authentication"
require "support/embedded"
require "support/witness"

RSpec.describe "An app whose classes do what they should not, while a client is connected" do
  include Authentication
  include Embedded

  # The witness comes in by `/`; every other path is trouble.
  def with_witness(authenticator: nil, scope: nil, **settings)
    start_server(authenticate_with: authenticator, scope_with: scope, **settings)
    client = connect(servers.last, "/")
    @witness = Witness.new(client) { |number| Atr.publish("number.told", { number: }) && Atr.flush(10) }
  end

  after { expect(@witness).to be_served }

  def trouble(&code)
    authenticator { request.path == "/" || instance_exec(&code) }
  end

  {
    "raises" => [-> { raise "oh no" }, 500],
    "raises what is no StandardError" => [-> { raise NotImplementedError }, 500],
    "returns nil" => [-> {}, 401],
    "returns false" => [-> { false }, 401],
    "exits" => [-> { exit }, 500],
    "aborts" => [-> { abort }, 500],
    "ends its thread" => [-> { Thread.exit }, 500],
    "kills its thread" => [-> { Thread.current.kill }, 500],
    "throws" => [-> { throw :nowhere }, 500]
  }.each do |what, (code, expected)|
    it "says #{expected} to a client whose authenticator #{what}" do
      with_witness(authenticator: trouble(&code), gate_threads: 1)
      2.times do
        expect(status("/trouble")).to eq expected
        expect(@witness).to be_served
      end
      expect(status("/")).to eq 101
    end
  end

  it "says 503 to clients whose authenticator sleeps past the deadline, and lets others in meanwhile" do
    awake = Queue.new
    with_witness(authenticator: trouble { awake.pop.nil? }, gate_threads: 2, gate_deadline_seconds: 0.1)
    expect(status("/trouble")).to eq 503
    expect(status("/")).to eq 101
    expect(@witness).to be_served
    awake.close
    # It has become a yes, but nobody waits for it any more.
    expect(servers.last.stats).to include(connections: 2, turned_away: 1)
  end

  describe "with a database" do
    before { ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:", pool: 1, checkout_timeout: 1) }
    after { ActiveRecord::Base.remove_connection }

    {
      "takes a connection and keeps it" => -> { ActiveRecord::Base.connection.select_value("SELECT 1") == 1 },
      "takes one and raises" => -> { ActiveRecord::Base.connection && raise("oh no") },
      "takes one and ends its thread" => -> { ActiveRecord::Base.connection && Thread.exit },
      "ends its thread inside a transaction" => -> { ActiveRecord::Base.transaction { Thread.exit } }
    }.each do |what, code|
      it "has the connection back from an authenticator that #{what}" do
        with_witness(authenticator: trouble(&code), gate_threads: 4)
        statuses = Array.new(8) { status("/trouble") }
        expect(statuses.uniq - [101, 500]).to eq []
        eventually { expect(ActiveRecord::Base.connection_pool.stat).to include(busy: 0, waiting: 0) }
        expect(log.string).not_to include("ConnectionTimeoutError")
      end
    end
  end

  describe "a routing key" do
    def status_with(key)
      with_witness(scope: scope { request.path == "/" ? "" : key })
      status("/trouble")
    end

    it "may be empty, which is the scope of unscoped events" do
      expect(status_with("")).to eq 101
    end

    it "may be a Symbol or a number" do
      expect(status_with([:"organization.1", 7])).to eq 101
    end

    object = Object.new
    { "nil" => nil, "no key" => [], "nil among others" => ["a", nil], "false" => false, "an Object" => object, "a Hash" => { a: 1 },
      "an Array in an Array" => [["a"]], "a number with a point" => 1.5, "too long" => "x" * 256, "huge" => "x" * 10_000_000,
      "with white space" => "a b", "with a line break" => "a\nb", "with a NUL" => "a\0", "with braces" => "a{b}", "the dash" => "-",
      "not UTF-8" => "a\xFF", "binary" => "\xFF\xFE".b }.each do |what, key|
      it "is refused with 403 when it is #{what}" do
        expect(status_with(key)).to eq 403
        expect(servers.last.stats).to include(refused: 1, failed: 0)
      end
    end

    it "is told by its class when it is no String" do
      status_with(object)
      eventually { expect(log.string).to match(%r{INFO.*refused 403 "/trouble".*a routing key that is a Object, not a String}) }
    end
  end
end
