# frozen_string_literal: true

require "support/raw_request"

RSpec.describe Atr::Gatekeeper do
  include RawRequest

  let(:log) { StringIO.new }
  let(:executor) { Struct.new(:inside) { def wrap = (self.inside = true and yield).tap { self.inside = false } }.new }
  let(:settings) { { allowed_origins: [], trusted_proxies: [], path_prefix: nil, authenticator_class: nil, scope_class: nil } }

  def authenticator(client_key: nil, &matches)
    Class.new(Atr::RequestAuthenticator) do
      define_method(:matches?, &matches)
      define_method(:client_key) { client_key }
    end
  end

  def scope(valid: -> { true }, &routing_key)
    Class.new(Atr::RequestScope) do
      define_method(:valid?, &valid)
      define_method(:routing_key, &routing_key)
    end
  end

  def job(target = "/", invalid_scopes: [], **raw)
    RawRequest::Job.new(raw_request(target, **raw), invalid_scopes:)
  end

  def gatekeeper(executor: self.executor, **with)
    config = Struct.new(*settings.keys, keyword_init: true).new(**settings, **with)
    described_class.new(config, logger: Logger.new(log), executor:)
  end

  def answer(job = self.job, **with)
    gatekeeper(**with).answer(job)
    job.answer
  end

  it "admits everybody to the empty scope when no class is configured" do
    expect(answer).to eq [:admit, [""], nil]
  end

  it "does not touch the app's executor while it waits for nothing" do
    seen = nil
    answer(authenticator_class: authenticator { seen = true })
    expect(seen).to be true
    expect(executor.inside).to be false
  end

  describe "the authenticator" do
    it "is shown the request" do
      paths = []
      answer(job("/live/a/1?b=2"), path_prefix: "/live", authenticator_class: authenticator { paths << request.fullpath })
      expect(paths).to eq ["/a/1?b=2"]
    end

    it "admits" do
      expect(answer(authenticator_class: authenticator { true })).to eq [:admit, [""], nil]
    end

    it "runs inside the executor" do
      inside = nil
      executor = self.executor
      answer(authenticator_class: authenticator { inside = executor.inside })
      expect(inside).to be true
    end

    [false, nil].each do |verdict|
      it "refuses with 401 by #{verdict.inspect}" do
        expect(answer(authenticator_class: authenticator { verdict })).to eq [:refuse, 401]
      end
    end

    it "gives the client its key, as a String" do
      expect(answer(authenticator_class: authenticator(client_key: 42) { true })).to eq [:admit, [""], "42"]
    end

    it "may be a class of no ancestry" do
      plain = Struct.new(:request) { def matches? = true }
      expect(answer(authenticator_class: plain)).to eq [:admit, [""], nil]
    end
  end

  describe "the scope" do
    it "is asked only when the authenticator has said yes" do
      asked = false
      answer(authenticator_class: authenticator { false }, scope_class: scope { asked = true })
      expect(asked).to be false
    end

    it "gives one scope or several" do
      expect(answer(scope_class: scope { "organization.1" })).to eq [:admit, ["organization.1"], nil]
      expect(answer(scope_class: scope { ["organization.1", :"user.2"] })).to eq [:admit, ["organization.1", "user.2"], nil]
    end

    it "refuses with 403 when it is not valid" do
      expect(answer(scope_class: scope(valid: -> { false }) { "a" })).to eq [:refuse, 403]
    end

    it "is valid when it matches" do
      matching = Class.new(Atr::RequestScope) do
        def matches? = true
        def routing_key = "a"
      end
      expect(answer(scope_class: matching)).to eq [:admit, ["a"], nil]
      expect(answer(scope_class: Struct.new(:request) { def matches? = false })).to eq [:refuse, 403]
    end

    it "refuses with 403 when it gives no key, or one that is missing among several" do
      [nil, [], ["a", nil]].each do |key|
        expect(answer(scope_class: scope { key })).to eq([:refuse, 403]), key.inspect
      end
    end

    it "refuses with 403 when a key can be no scope, as one that the client has made up" do
      expect(answer(job(invalid_scopes: ["a b"]), scope_class: scope { "a b" })).to eq [:refuse, 403]
      expect(log.string).to match(/INFO.*403 .*no valid scope/)
    end
  end

  describe "the origin" do
    it "is looked at first, and refused with 403 and a line that says which setting would let it in" do
      asked = false
      expect(answer(job("/", "origin" => "https://evil.example"), authenticator_class: authenticator { asked = true })).to eq [:refuse, 403]
      expect(asked).to be false
      expect(log.string).to match(%r{INFO.*403 .*https://evil\.example.*allowed_origins})
    end

    it "passes when it is allowed" do
      expect(answer(job("/", "origin" => "https://evil.example"), allowed_origins: ["*"])).to eq [:admit, [""], nil]
    end
  end

  it "believes what trusted proxies forward" do
    ips = []
    checking = authenticator { ips << request.remote_ip }
    forwarded = job("/", "x-forwarded-for" => "198.51.100.7", remote_addr: "10.0.0.1")
    answer(forwarded, trusted_proxies: ["10.0.0.1"], authenticator_class: checking)
    expect(ips).to eq ["198.51.100.7"]
  end

  describe "an exception" do
    it "is a failure: 500, with class, message and backtrace in the log" do
      expect(answer(authenticator_class: authenticator { raise "broken" })).to eq [:fail]
      expect(log.string).to match(/ERROR.*500/).and include("RuntimeError: broken").and include("gatekeeper_spec.rb")
    end

    it "leaves the executor, so that the error reporter hears of it" do
      left = nil
      executor = Object.new
      executor.define_singleton_method(:wrap) { |&block| block.call rescue raise left = $! } # rubocop:disable Style/RescueModifier, Style/SpecialGlobalVars
      answer(executor:, authenticator_class: authenticator { raise "broken" })
      expect(left&.message).to eq "broken"
    end

    it "is a failure too when it is no StandardError, and ends nothing" do
      endings = [-> { exit }, -> { raise NotImplementedError }, -> { raise SecurityError }, -> { raise Interrupt }, -> { throw :up }]
      endings.each do |ending|
        expect(answer(authenticator_class: authenticator { ending.call })).to eq([:fail])
      end
    end

    it "is a failure in the executor itself" do
      broken = Object.new.tap { |object| def object.wrap = raise(SyntaxError, "app/models/post.rb") }
      expect(answer(executor: broken)).to eq [:fail]
    end

    it "is a refusal when Rails maps it to a 4xx: one info line that does not say what the client sent" do
      require "active_record"
      require "action_dispatch"
      require "action_controller/metal/exceptions"
      not_found = -> { raise ActiveRecord::RecordNotFound, "Couldn't find Session with 'id'=secret" }
      expect(answer(authenticator_class: authenticator(&not_found))).to eq [:refuse, 401]
      expect(answer(scope_class: scope(&not_found))).to eq [:refuse, 403]
      expect(answer(scope_class: scope(valid: not_found) { "a" })).to eq [:refuse, 403]
      expect(answer(scope_class: scope { raise ActionController::BadRequest })).to eq [:refuse, 403]
      expect(log.string.lines.grep(/INFO.*ActiveRecord::RecordNotFound/).size).to eq 3
      expect(log.string).not_to include("secret")
      expect(log.string.lines.size).to eq 4
    end

    it "is a failure when Rails maps it to a 5xx" do
      require "action_dispatch"
      require "action_controller/metal/exceptions"
      expect(answer(scope_class: scope { raise ActionController::NotImplemented })).to eq [:fail]
    end
  end

  it "answers also when the thread is killed inside the app's code" do
    job = self.job
    Thread.new { answer(job, authenticator_class: authenticator { Thread.exit }) }.join
    expect(job.answer).to eq [:fail]
    expect(log.string).to match(%r{ERROR.*failed 500 "/" from \S+: the thread was ended})
  end

  it "resolves the classes anew for each job, so that a reloaded one counts" do
    verdicts = [authenticator { false }, authenticator { true }]
    config = Struct.new(*settings.keys, keyword_init: true).new(**settings)
    config.define_singleton_method(:authenticator_class) { verdicts.shift }
    gatekeeper = described_class.new(config, logger: Logger.new(log), executor:)
    answers = Array.new(2) { job.tap { |job| gatekeeper.answer(job) }.answer }
    expect(answers).to eq [[:refuse, 401], [:admit, [""], nil]]
  end

  it "logs neither query, cookie nor header" do
    secret = job("/a?token=secret", "cookie" => "session=secret", "authorization" => "Bearer secret")
    answer(secret, authenticator_class: authenticator { false })
    answer(job("/a?token=secret", "cookie" => "session=secret"), authenticator_class: authenticator { raise "broken" })
    expect(log.string).to include("/a").and include("broken")
    expect(log.string).not_to include("secret")
  end
end
