# frozen_string_literal: true

require "net/http"
require "rbconfig"
require "support/witness"
require "tmpdir"

RSpec.describe "A Puma cluster that preloads an app with a server in it" do
  files = {
    "puma.rb" => <<~RUBY,
      workers 2
      threads 1, 2
      preload_app!
      bind "tcp://127.0.0.1:0"
      stdout = $stdout
      on_worker_boot { stdout.puts "worker \#{Process.pid} is there" }
    RUBY
    "config.ru" => <<~RUBY
      require "atr"
      require "logger"
      $stdout.sync = true
      Atr.configure do |config|
        config.secret = "secret of the specs"
        config.broker = "memory"
        config.logger = Logger.new($stdout)
      end
      server = Atr::Server.start(port: 0, admin_port: 0)
      # The master has published before it forks, and has events in its queue then.
      10.times { Atr.publish("master.booted", nil, scope: "nobody") }
      run(lambda do |env|
        number = env["QUERY_STRING"].to_i
        published = Atr.publish("number.told", { number:, pid: Process.pid }) && Atr.flush(10)
        [published ? 200 : 500, { "Content-Type" => "text/plain" }, [Process.pid.to_s]]
      end)
    RUBY
  }

  around do |example|
    Dir.mktmpdir do |directory|
      files.each { |name, text| File.write(File.join(directory, name), text) }
      File.open(@log = File.join(directory, "log"), "w") do |log|
        environment = { "RUBYLIB" => File.expand_path("../../../lib", __dir__), "RACK_ENV" => "production" }
        @pid = Process.spawn(environment, RbConfig.ruby, "-S", "puma", "-C", "puma.rb", chdir: directory, out: log, err: log)
        example.run
      ensure
        finish
      end
    end
  end

  def log
    File.read(@log)
  end

  def finish
    return if @ended

    Process.kill(:KILL, @pid)
    Process.wait(@pid)
  end

  def workers
    log.scan(/worker (\d+) is there/).flatten.map(&:to_i)
  end

  # @return [Integer] the worker's pid
  def request(number)
    answer = Net::HTTP.get_response("127.0.0.1", "/?#{number}", log[%r{Listening on http://127\.0\.0\.1:(\d+)}, 1].to_i)
    raise "the app answered #{answer.code} #{answer.body}: #{log}" unless answer.code == "200"

    answer.body.to_i
  end

  # Requests until each of the workers has published.
  def expect_events_of(pids, witness)
    seen = []
    eventually(within: 60, what: "an event of each worker") do
      expect(witness).to be_served
      seen |= [@publisher]
      (pids - seen).empty?
    end
  end

  it "brings the events of all workers to the master's clients, replaces workers, and says goodbye", timeout: 180 do
    eventually(within: 60, what: "two workers") { workers.size == 2 && log.include?("Listening on") }
    client = WebSocketClient.open(port: log[/atr: listening on 127\.0\.0\.1:(\d+)/, 1].to_i)
    client.texts_so_far
    witness = Witness.new(client) { |number| @publisher = request(number) }
    expect_events_of(workers, witness)

    Process.kill(:KILL, workers.first)
    eventually(within: 60, what: "another worker") { workers.size == 3 }
    expect_events_of(workers.drop(1), witness)

    goodbye = Thread.new { client.part }
    Process.kill(:TERM, @pid)
    expect(goodbye.value).to eq 1012
    Timeout.timeout(30) { @ended = Process.wait(@pid) }
    expect(log).to include("atr: stopped")
    expect(log).not_to match(/ERROR|ForkError/)
    workers.each { |pid| expect { Process.kill(0, pid) }.to raise_error(Errno::ESRCH) }
  end
end
