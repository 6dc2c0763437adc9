# frozen_string_literal: true

require "support/authentication"
require "support/embedded"

RSpec.describe "The gate, where the app's classes say who comes in", :native do
  include Authentication
  include Embedded

  # The client may have its answer before the line is written.
  def expect_log(pattern)
    eventually { expect(log.string).to match(pattern) }
  end

  it "lets everybody in where no class is configured" do
    start_server
    expect(status).to eq 101
  end

  it "shows the authenticator path, query, headers and cookies" do
    seen = Queue.new
    start_server(authenticate_with: authenticator do
      seen << [request.path, params[:a], request.headers["X-Token"], request.cookies["b"], request.host]
    end)
    expect(status("/x/y?a=1%202", "X-Token" => "t", "Cookie" => "b=3")).to eq 101
    expect(seen.pop).to eq ["/x/y", "1 2", "t", "3", "127.0.0.1"]
  end

  it "says 401 when the authenticator says no" do
    start_server(authenticate_with: authenticator { params[:token] == "right" })
    expect(status("/?token=wrong")).to eq 401
    expect(status("/?token=right")).to eq 101
  end

  it "says 403 when the scope says no, or gives a key that can be none" do
    start_server(scope_with: path_scope)
    expect(status("/organization/1")).to eq 101
    expect(status("/organization/%7B1")).to eq 101
    start_server(scope_with: scope { params[:scope] })
    expect(status("/")).to eq 403
    expect(status("/?scope=a%20b")).to eq 403
    expect(status("/?scope=%7Ba%7D")).to eq 403
    expect(status("/?scope=a")).to eq 101
  end

  it "says 403 to a page of another host, and lets in those of this one and those that are allowed" do
    start_server(allowed_origins: ["https://*.example.org"])
    expect(status("/", "Origin" => "https://evil.example")).to eq 403
    expect_log(%r{refused 403 "/" from 127\.0\.0\.1: origin "https://evil\.example".*allowed_origins})
    expect(status("/", "Origin" => "http://127.0.0.1:3000")).to eq 101
    expect(status("/", "Origin" => "https://app.example.org")).to eq 101
    expect(status).to eq 101
  end

  it "says 500 when the app's code raises, with all in the log and nothing to the client" do
    start_server(authenticate_with: authenticator { raise "the secret reason" })
    answer = knock
    expect(answer.status).to eq 500
    expect("#{answer.headers} #{answer.body}").not_to match(/secret|RuntimeError|gate_spec/)
    expect_log(/failed 500.*RuntimeError: the secret reason.*gate_spec\.rb/m)
  end

  {
    "exit" => -> { exit },
    "Thread.exit" => -> { Thread.exit },
    "a SystemStackError" => -> { (deep = -> { deep.call }).call },
    "an exception that is no StandardError" => -> { raise NotImplementedError }
  }.each do |what, ending|
    # With an eager collector a deep stack takes longer than the gate's deadline.
    it "says 500 after #{what} in the app's code, and goes on", native: !what.include?("Stack") do
      start_server(gate_threads: 1, authenticate_with: authenticator { params[:end] ? ending.call : true })
      2.times { expect(status("/?end=1")).to eq 500 }
      expect(status).to eq 101
    end
  end

  it "says 401 and 403 when a record is not found, in one info line without the query" do
    require "active_record"
    not_found = -> { raise ActiveRecord::RecordNotFound, "Couldn't find Organization with 'id'=7" }
    start_server(authenticate_with: authenticator(&not_found))
    expect(status("/organization/7?token=secret")).to eq 401
    start_server(scope_with: scope(&not_found))
    expect(status("/organization/7?token=secret")).to eq 403
    lines = eventually { log.string.lines.grep(/RecordNotFound/).then { |found| found if found.size == 2 } }
    expect(lines).to all(match(%r{INFO.*refused 40[13] "/organization/7" from 127\.0\.0\.1}))
    expect(log.string).not_to include("secret")
  end

  describe "when the app's code is slow" do
    let(:entered) { Queue.new }
    let(:go_on) { Queue.new }

    after { go_on.close }

    def slow
      entered = self.entered
      go_on = self.go_on
      authenticator do
        entered << true
        go_on.pop
        true
      end
    end

    it "says 503 with Retry-After at the deadline, and takes no late answer for one" do
      start_server(authenticate_with: slow, gate_deadline_seconds: 0.1, gate_threads: 1)
      answer = knock
      expect(answer.status).to eq 503
      expect(answer.headers["retry-after"]).to match(/\A\d+\z/)
      go_on.close
      expect(status).to eq 101
    end

    it "says 503 with Retry-After when too many wait" do
      start_server(authenticate_with: slow, gate_threads: 1, gate_queue_size: 1, gate_deadline_seconds: 30)
      first = Thread.new { status }
      entered.pop
      others = Array.new(3) { Thread.new { knock } }
      # One of them waits in the queue; the queue has no place for the others.
      eventually { others.count(&:alive?) == 1 }
      refused, waiting = others.partition { |thread| !thread.alive? }
      expect(refused.map { |thread| thread.value.status }).to eq [503, 503]
      expect(refused.map { |thread| thread.value.headers["retry-after"] }).to all(match(/\A\d+\z/))
      go_on.close
      expect([first.value, waiting.first.value.status]).to eq [101, 101]
    end

    it "lets others in meanwhile" do
      start_server(gate_threads: 2, authenticate_with: slow)
      waiting = Thread.new { status }
      entered.pop
      second = Thread.new { status }
      entered.pop
      go_on.close
      expect([waiting, second].map(&:value)).to eq [101, 101]
    end
  end

  it "asks the app on threads of its own, as many as there are gate_threads" do
    names = Queue.new
    start_server(gate_threads: 2, authenticate_with: authenticator { names << Thread.current.name })
    10.times { expect(status).to eq 101 }
    seen = Array.new(10) { names.pop }.uniq
    expect(seen - %w[atr.gate.0 atr.gate.1]).to eq []
  end

  it "believes proxies that it is told to trust, and takes off the path_prefix" do
    seen = Queue.new
    seeing = authenticator { seen << [request.remote_ip, request.host, request.path] }
    start_server(trusted_proxies: ["127.0.0.1"], path_prefix: "/live", authenticate_with: seeing)
    headers = { "X-Forwarded-For" => "198.51.100.7", "X-Forwarded-Host" => "app.example.com", "Origin" => "https://app.example.com" }
    expect(status("/live/organization/1", **headers)).to eq 101
    expect(seen.pop).to eq ["198.51.100.7", "app.example.com", "/organization/1"]
  end

  it "believes nobody else" do
    start_server(authenticate_with: authenticator { true })
    expect(status("/", "X-Forwarded-Host" => "evil.example", "Origin" => "https://evil.example")).to eq 403
  end

  it "answers what is no websocket with 426 and a line that helps, and asks nobody" do
    asked = false
    start_server(authenticate_with: authenticator { asked = true })
    answer = knock(servers.last, "/", "Upgrade" => nil, "Connection" => nil)
    expect(answer.status).to eq 426
    expect(answer.body.lines.size).to eq 1
    expect(asked).to be false
  end
end
