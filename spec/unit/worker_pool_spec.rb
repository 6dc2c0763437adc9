# frozen_string_literal: true

RSpec.describe Atr::WorkerPool do
  let(:log) { StringIO.new }
  # Parks as the native server does, and gives nil once it is closed.
  let(:jobs) { Queue.new.tap { |queue| queue.singleton_class.alias_method(:next_job, :pop) } }
  let(:pools) { [] }

  after do
    jobs.close
    pools.each { |pool| pool.stop(0) }
  end

  def pool(size: 2, on_end: nil, &answer)
    gatekeeper = Object.new
    gatekeeper.define_singleton_method(:answer) { |job| answer.call(job) }
    described_class.new(jobs, gatekeeper, size:, logger: Logger.new(log), &on_end).tap { |pool| pools << pool }
  end

  def gate_threads
    Thread.list.select { |thread| thread.name&.start_with?("atr.gate.") && thread.alive? }
  end

  it "answers jobs on as many named threads at once as it is told" do
    busy = Queue.new
    go_on = Queue.new
    pool(size: 3) do
      busy << Thread.current.name
      go_on.pop
    end
    3.times { jobs << :job }
    expect(Array.new(3) { busy.pop }).to match_array %w[atr.gate.0 atr.gate.1 atr.gate.2]
    go_on.close
  end

  it "replaces a thread that the app's code has ended" do
    done = Queue.new
    pool(size: 1) { |job| job == :exit ? Thread.exit : done << job }
    jobs << :exit << :next
    expect(done.pop).to eq :next
    eventually { expect(gate_threads.map(&:name)).to eq ["atr.gate.0"] }
    expect(log.string).to include("atr.gate.0 was ended by the app's code")
  end

  it "replaces a thread that an exception has ended" do
    done = Queue.new
    pool(size: 1) do |job|
      Thread.current.report_on_exception = false
      job == :raise ? raise("late") : done << job
    end
    jobs << :raise << :next
    expect(done.pop).to eq :next
  end

  it "tells once that no more jobs will come, and leaves no thread" do
    ends = Queue.new
    pool = pool(size: 4, on_end: -> { ends << true }) { nil }
    jobs.close
    expect(pool.stop(10)).to be true
    expect(ends.size).to eq 1
    expect(gate_threads).to eq []
  end

  it "ends, rather than try for ever, when the native side raises" do
    ends = Queue.new
    broken = Object.new.tap { |object| def object.next_job = raise(Atr::ServerError, "a panic") }
    described_class.new(broken, nil, size: 2, logger: Logger.new(log)) { ends << true }.tap { |pool| pools << pool }
    expect(ends.pop).to be true
    eventually { expect(gate_threads).to eq [] }
    expect(log.string).to include("a panic")
  end

  it "kills what is still in the app's code when the time is over, and says where" do
    inside = Queue.new
    pool = pool(size: 2) do
      inside << true
      Queue.new.pop
    end
    jobs << :endless
    inside.pop
    jobs.close
    expect(pool.stop(0.05)).to be false
    expect(gate_threads).to eq []
    expect(log.string).to match(/atr\.gate\.\d is still in the app's code.*worker_pool_spec/)
  end

  describe "with a database and no Rails" do
    before do
      require "active_record"
      ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:", pool: 3)
    end

    after { ActiveRecord::Base.remove_connection }

    let(:connections) { ActiveRecord::Base.connection_pool }

    it "holds no connection between jobs" do
      used = Queue.new
      pool(size: 2) { used << ActiveRecord::Base.connection.select_value("SELECT 1") }
      20.times { jobs << :job }
      expect(Array.new(20) { used.pop }).to eq [1] * 20
      eventually { expect(connections.stat).to include(busy: 0, dead: 0) }
      expect(connections.stat[:idle]).to be_between(1, 2)
    end

    it "holds none either when the app's code ends the thread" do
      used = Queue.new
      pool(size: 1) do
        ActiveRecord::Base.connection
        used << true
        Thread.exit
      end
      3.times { jobs << :job }
      3.times { used.pop }
      eventually { expect(connections.stat).to include(busy: 0, dead: 0) }
    end

    it "leaves a connection in its transaction, which is a test's" do
      held = Queue.new
      pool(size: 1) do |job|
        held << connections.active_connection?
        ActiveRecord::Base.connection.public_send(job)
      end
      jobs << :begin_transaction << :rollback_transaction << :begin_transaction << :rollback_transaction
      expect(Array.new(4) { held.pop }).to match [be_falsey, be_truthy, be_falsey, be_truthy]
    end
  end
end
