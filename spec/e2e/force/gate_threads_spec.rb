# frozen_string_literal: true

require "support/authentication"
require "support/embedded"
require "support/witness"

RSpec.describe "Gate threads that somebody ends" do
  include Authentication
  include Embedded

  endings = {
    "Thread#kill" => :kill.to_proc,
    "Thread#raise" => ->(thread) { thread.raise("somebody's mistake") },
    "Thread#raise of what is no StandardError" => ->(thread) { thread.raise(NotImplementedError) }
  }

  let(:inside) { Queue.new }
  let(:go_on) { Queue.new }

  before do
    inside = self.inside
    go_on = self.go_on
    busy = authenticator { request.path == "/" || ((inside << Thread.current) && go_on.pop.nil?) }
    start_server(authenticate_with: busy, gate_threads: 2)
    @witness = Witness.new(connect) { |number| Atr.publish("number.told", { number: }) && Atr.flush(10) }
  end

  after do
    expect(@witness).to be_served
    go_on.close
  end

  def gate_threads
    atr_threads.select { |thread| thread.name.start_with?("atr.gate.") }
  end

  def expect_all_back(but: [])
    eventually { expect((gate_threads - but).map(&:name).sort).to eq %w[atr.gate.0 atr.gate.1] }
    4.times { expect(status).to eq 101 }
  end

  endings.each do |what, ending|
    it "are replaced after #{what} while they wait", :native do
      eventually { expect(gate_threads.map(&:status)).to eq %w[sleep sleep] }
      victims = gate_threads.each { |thread| thread.report_on_exception = false }
      victims.each(&ending)
      expect_all_back(but: victims)
      eventually { expect(log.string.scan("another takes its place").size).to eq 2 }
    end

    it "have their client denied after #{what} in the app's code, and are there again" do
      statuses = Array.new(2) { Thread.new { status("/busy") } }
      busy = Array.new(2) { inside.pop }.each { |thread| thread.report_on_exception = false }
      waiting = Thread.new { status }
      busy.each(&ending)
      expect(statuses.map(&:value)).to eq [500, 500]
      # Who has waited behind them comes in.
      expect(waiting.value).to eq 101
      expect_all_back
    end
  end

  it "may be ended again and again" do
    20.times do
      gate_threads.sample.tap { |thread| thread&.report_on_exception = false }&.kill
      expect(status).to eq 101
    end
    expect_all_back
  end
end
