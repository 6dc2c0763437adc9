# frozen_string_literal: true

require "support/event_listener"
require "support/ruby_process"
require "support/witness"

RSpec.describe "A process with a server and a publisher in Redis mode that forks" do
  let(:redis) { RedisServer.start }

  after { redis.close }

  def start(**settings)
    RubyProcess.start("atr", "logger") do |process|
      process.eval(<<~RUBY)
        Atr.configure do |config|
          config.logger = Logger.new(nil)
          config.broker = "redis"
          config.redis_url = #{redis.url.inspect}
          #{settings.inspect}.each { |name, value| config[name] = value }
        end
        # The status of a child that must end in time.
        def in_child(&code)
          pid = fork(&code)
          Timeout.timeout(15) { Process.wait2(pid).last.exitstatus }
        ensure
          Process.kill(:KILL, pid) rescue nil
        end
        require "timeout"
        nil
      RUBY
      yield process
    end
  end

  it "keeps its sockets, however a child ends that has inherited them" do
    start do |process|
      client = WebSocketClient.open(port: process.eval("server = Atr::Server.start(port: 0, admin_port: 0); server.port"))
      client.texts_so_far
      redis.wait_for_subscriber("atr:{-}")
      witness = Witness.new(client) { |number| process.eval(%(Atr.publish("number.told", { number: #{number} }))) }
      expect(witness).to be_served
      publish = "Atr.publish('child.was', nil, scope: 'a')"
      ["exit(0)", "exit!(0)", "GC.start; exit(0)", "GC.start; exit!(0)", "#{publish}; exit(0)"].each do |ending|
        expect(process.eval("in_child { #{ending} }", within: 30)).to eq(0), ending
        expect(witness).to be_served
      end
      expect(process.eval("in_child { Process.kill(:KILL, Process.pid) }")).to be_nil
      expect(witness).to be_served
      expect(process.eval("server.stats")).to include("broker_reconnects" => 0, "connections" => 1)
      expect(process.eval("Atr.publisher.stats")).to include("lost" => 0)
      client.disconnect
    end
  end

  it "has a child that collects the inherited server without hanging" do
    start do |process|
      # In a thread, whose stack is not there in the child: nothing else refers to it there but what is cleared.
      process.eval("port = Thread.new { Atr::Server.start(port: 0, admin_port: 0).port }.value")
      process.eval("Atr.publish('number.told', 1); Atr.flush(10)")
      client = WebSocketClient.open(port: process.eval("port"))
      status = process.eval(<<~RUBY, within: 30)
        in_child do
          Atr::Server.instance_variable_get(:@running).clear
          Atr.reset!
          20.times { Array.new(1_000) { "x" * 100 } and GC.start }
          left = [Atr::Native::Server, Atr::Native::Publisher].sum { |kind| ObjectSpace.each_object(kind).count }
          exit!(left)
        end
      RUBY
      expect(status).to eq 0
      expect(client.texts_so_far).to eq []
      client.disconnect
    end
  end

  it "sends nothing twice of a queue that is full when it forks" do
    listener = EventListener.new(redis, "*.heard")
    start(publisher_queue_size: 10) do |process|
      process.eval("def publish(what) = Atr.publish('heard', what, scope: 'a'); publish('before'); Atr.flush(10)")
      redis.pause
      process.eval("100.times { |number| publish(number) }")
      stats = process.eval("Atr.publisher.stats")
      expect(stats["dropped_full"]).to be > 0
      process.eval("children = Array.new(3) { |child| fork { 5.times { |number| publish([child, number].join('-')) } } }; nil")
      redis.resume
      expect(process.eval("children.map { |child| Process.wait2(child).last.exitstatus }")).to eq [0, 0, 0]
      expect(process.eval("Atr.flush(10)")).to be true
      process.eval("publish('end')")
      heard = listener.until_heard("end")
      expect(heard.tally.values.uniq).to eq [1]
      expect(heard.grep(Integer).size).to eq(100 - stats["dropped_full"])
      expect(heard.grep(/-/).group_by(&:chr).values).to all(satisfy { |events| events.map { |event| event[-1].to_i } == [*0..4] })
      expect(heard.grep(/-/).size).to eq 15
    end
  ensure
    listener&.close
  end
end
