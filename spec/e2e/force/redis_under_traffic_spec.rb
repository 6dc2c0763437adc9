# frozen_string_literal: true

require "support/authentication"
require "support/embedded"

RSpec.describe "A Redis that fails while events flow" do
  include Authentication
  include Embedded

  let(:redis) { RedisServer.start }

  before do
    start_server(scope_with: path_scope) do |config|
      config.broker = "redis"
      config.redis_url = redis.url
    end
    @steady = Array.new(3) { connect(servers.last, "/organization/1") }
    redis.wait_for_subscriber("atr:{organization.1}")
    @published = 0
    @pongs = Queue.new
    @received = @steady.map { [] }
    @reading = @steady.zip(@received).map { |client, numbers| Thread.new { read(client, numbers) } }
    @publishing = Thread.new { publish until @enough }
  end

  after do
    @enough = true
    @publishing.join
    @reading.each { |thread| thread.kill.join }
    redis.close
  end

  # In order, from many small batches. Slow enough that nothing is dropped for want of room.
  def publish
    10.times { Atr.publish("counter.changed", { number: @published += 1 }, scope: "organization.1") }
    sleep 0.002
  end

  def read(client, numbers)
    loop do
      text = client.next_text(within: 60)
      text == "pong" ? @pongs << text : numbers << JSON.parse(text).dig("record", "number")
    end
  end

  # Every client has got something that was published after now.
  def expect_flow(within: 30)
    now = @published
    eventually(within:) { @received.all? { |numbers| numbers.last.to_i > now } }
  end

  # The last event comes to everybody.
  def finish
    @enough = true
    @publishing.join
    expect(Atr.flush(30)).to be true
    last = @published
    eventually(within: 30) { @received.all? { |numbers| numbers.last == last } }
  end

  def expect_order_and_no_double
    @received.each { |numbers| expect(numbers.each_cons(2).all? { |one, other| one < other }).to be true }
  end

  it "is killed and restarted, and nobody gets anything twice or in another order" do
    expect_flow
    2.times do
      redis.kill
      eventually { servers.last.stats[:broker_reachable].zero? }
      redis.restart
      expect_flow
    end
    finish
    expect_order_and_no_double
    expect(@received.uniq.size).to eq 1
    stats = Atr.publisher.stats
    expect(stats[:published] + stats[:lost]).to eq @published
  end

  it "is stopped for a moment, and nobody misses anything" do
    expect_flow
    3.times do
      redis.pause
      before = @published
      # Longer than many batches take, shorter than any deadline.
      eventually { @published > before + 200 }
      redis.resume
      expect_flow
    end
    finish
    @received.each { |numbers| expect(numbers).to eq [*numbers.first..@published] }
    expect(Atr.publisher.stats).to include(lost: 0, published: @published)
    expect(servers.last.stats).to include(broker_reconnects: 0)
  end

  it "hangs until it is given up, while clients come and stay, and comes back" do
    expect_flow
    redis.pause
    eventually(within: 20) { expect(log.string).to match(/WARN.*lost Redis.*no answer/) }
    latecomer = connect(servers.last, "/organization/1")
    @steady.each { |client| client.send_text("ping") }
    3.times { @pongs.pop }
    redis.resume
    expect_flow
    expect(latecomer.next_event.dig("record", "number")).to be_positive
    finish
    expect_order_and_no_double
  end
end
