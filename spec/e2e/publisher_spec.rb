# frozen_string_literal: true

require "socket"
require "tmpdir"
require "support/event_listener"
require "support/ruby_process"

RSpec.describe "The publisher of a process", :native do
  around do |example|
    Dir.mktmpdir do |directory|
      @log_file = File.join(directory, "log")
      example.run
    end
  end

  # @return [String] what the process has logged
  def log
    File.exist?(@log_file) ? File.read(@log_file) : ""
  end

  # @yieldparam process [RubyProcess] that publishes
  def publishing(**settings)
    RubyProcess.start("logger", "atr") do |process|
      process.eval(<<~RUBY)
        def publish(what) = Atr.publish("heard", what, scope: "a")
        Atr.configure do |config|
          config.logger = Logger.new(#{@log_file.inspect})
          config.secret = "s"
          #{settings.inspect}.each { |name, value| config[name] = value }
        end
        nil
      RUBY
      yield process
    end
  end

  # A broker that takes connections and never says a word.
  def silent_broker
    server = TCPServer.new("127.0.0.1", 0)
    yield server.local_address.ip_port
  ensure
    server&.close
  end

  # A port where nobody listens.
  def dead_port
    server = TCPServer.new("127.0.0.1", 0)
    server.local_address.ip_port.tap { server.close }
  end

  def seconds
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun
  end

  describe "with Redis" do
    let(:redis) { RedisServer.start }
    let!(:listener) { EventListener.new(redis, "*.heard") }

    after do
      listener.close
      redis.close
    end

    def settings
      { broker: "redis", redis_url: redis.url }
    end

    it "starts no thread before the first event, and then one of Ruby's" do
      publishing(**settings) do |process|
        threads = -> { process.eval("Thread.list.filter_map(&:name).grep(/atr/)") }
        expect(threads.call).to eq []
        process.eval("publish(1)")
        expect(threads.call).to eq ["atr.log"]
      end
    end

    it "sends what is queued when the process ends, without being told to" do
      publishing(**settings) { |process| process.eval("500.times { |number| publish(number) }; nil") }
      publishing(**settings) { |process| process.eval("publish('end')") }
      expect(listener.until_heard("end")).to eq [*0..499]
    end

    it "sends what a forked child has published when the child ends, and nothing of its parent's twice" do
      publishing(**settings) do |process|
        process.eval("publish('before'); Atr.flush(10)")
        redis.pause
        process.eval("100.times { |number| publish(number) }; nil")
        process.eval("child = fork { publish('child'); 100.times { |number| publish(number + 100) } }; nil")
        redis.resume
        expect(process.eval("Process.wait2(child).last.exitstatus")).to eq 0
        expect(process.eval("Atr.flush(10)")).to be true
        process.eval("publish('end')")
      end
      heard = listener.until_heard("end")
      expect(heard.tally.values.uniq).to eq [1]
      expect(heard).to contain_exactly("before", "child", *0..199)
      expect(heard.grep(Integer).partition { |number| number < 100 }).to eq [[*0..99], [*100..199]]
    end

    it "leaves its parent's connection alone when a child ends in any way" do
      publishing(**settings) do |process|
        process.eval("publish('before'); Atr.flush(10)")
        ["exit(0)", "exit!(0)", "GC.start; exit(0)", "publish('child'); Atr.flush(10); exit!(0)"].each do |ending|
          expect(process.eval("Process.wait2(fork { #{ending} }).last.exitstatus", within: 15)).to eq(0), ending
          process.eval("publish('parent')")
        end
        expect(process.eval("Atr.flush(10)")).to be true
        expect(process.eval("Atr.publisher.stats")).to include("published" => 5, "lost" => 0, "queued" => 0)
        process.eval("publish('end')")
      end
      expect(listener.until_heard("end").tally).to eq("before" => 1, "parent" => 4, "child" => 1)
    end

    it "waits for the answer when it is asked to" do
      publishing(**settings) do |process|
        expect(process.eval('Atr.publish_event!(Atr::Event.new("a.heard", "heard", 1)); Atr.publisher.stats')).to include("published" => 1)
        process.eval("publish('end')")
      end
      expect(listener.until_heard("end")).to eq [1]
    end

    it "publishes from many threads, each in its order" do
      publishing(**settings) do |process|
        process.eval("Array.new(4) { |thread| Thread.new { 100.times { |n| publish([thread, n]) } } }.each(&:join); publish('end')")
      end
      heard = listener.until_heard("end")
      expect(heard.group_by(&:first).transform_values { |events| events.map(&:last) }).to eq((0..3).to_h { |n| [n, [*0..99]] })
    end
  end

  describe "without a broker" do
    it "drops what has no room, counts it, and says so but once" do
      publishing(broker: "redis", redis_url: "redis://127.0.0.1:#{dead_port}", publisher_queue_size: 10) do |process|
        taken = nil
        expect(seconds { taken = process.eval("Array.new(1_000) { |number| publish(number) }") }).to be < 5
        expect(taken.count(true)).to be_between(10, 100)
        stats = process.eval("Atr.publisher.stats")
        expect(stats["dropped_full"]).to eq taken.count(false)
        eventually { log.match?(/WARN.*dropped/) }
        expect(log.scan("dropped").size).to eq 1
      end
    end

    it "ends in bounded time, and says what was not sent" do
      silent_broker do |port|
        publishing(broker: "redis", redis_url: "redis://127.0.0.1:#{port}") do |process|
          process.eval("publish(1)")
          expect(seconds { expect(process.stop).to be_success }).to be_between(1.9, 8)
          expect(log).to match(/1 events of this process were not published \(queued 1\)/)
        end
      end
    end

    it "raises when it is asked to wait" do
      publishing(broker: "redis", redis_url: "redis://127.0.0.1:#{dead_port}") do |process|
        took = seconds do
          expect { process.eval('Atr.publish_event!(Atr::Event.new("a.heard", "heard", 1), timeout_seconds: 0.5)') }
            .to raise_error(/\AAtr::PublishError: /)
        end
        expect(took).to be < 5
      end
    end

    it "hears a signal while it waits" do
      silent_broker do |port|
        publishing(broker: "redis", redis_url: "redis://127.0.0.1:#{port}", flush_timeout_seconds: 0) do |process|
          process.eval("trap('TERM') { exit!(7) }; publish(1)")
          waiting = Thread.new do
            process.eval("Atr.logger.info('waiting'); Atr.flush(60)")
          rescue RuntimeError => e
            e.message
          end
          eventually { log.include?("waiting") }
          Process.kill(:TERM, process.pid)
          expect(process.stop.exitstatus).to eq 7
          expect(waiting.value).to include "the process has ended"
        end
      end
    end

    it "says in one line that no server listens, where none is needed yet" do
      publishing(broker: "memory", admin_url: "http://127.0.0.1:#{dead_port}") do |process|
        process.eval("3.times { |number| publish(number) }; Atr.flush(10)")
        eventually { log.match?(/INFO.*no atr server listens/) }
        expect(log.scan("atr:").size).to eq 1
        expect(process.eval("Atr.publisher.stats")).to include("unheard" => 3, "lost" => 0)
      end
    end
  end
end
