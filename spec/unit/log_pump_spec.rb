# frozen_string_literal: true

RSpec.describe Atr::LogPump do
  let(:lines) { Queue.new }
  let(:source) { Struct.new(:lines) { def next_log = lines.pop }.new(lines) }
  let(:written) { StringIO.new }
  let(:logger) { Logger.new(written, formatter: ->(severity, _, _, message) { "#{severity} #{message}\n" }) }

  it "writes each line at its level, until no more come" do
    pump = described_class.new(source, logger)
    [[:debug, "a"], [:info, "b"], [:warn, "c"], [:error, "d"], nil].each { |line| lines << line }
    expect(pump.stop(5)).to be true
    expect(written.string).to eq "DEBUG atr: a\nINFO atr: b\nWARN atr: c\nERROR atr: d\n"
  end

  it "writes what has an unknown level, and never calls another method of the logger" do
    pump = described_class.new(source, logger)
    lines << [:close, "a"] << nil
    pump.stop(5)
    expect(written.string).to eq "INFO atr: a\n"
  end

  it "goes on when the logger fails" do
    calls = 0
    allow(logger).to receive(:info).and_wrap_original do |original, *arguments|
      (calls += 1) == 1 ? raise(IOError, "disk full") : original.call(*arguments)
    end
    expect do
      pump = described_class.new(source, logger)
      lines << [:info, "a"] << [:info, "b"] << nil
      pump.stop(5)
    end.to output(/IOError.*a/).to_stderr
    expect(written.string).to eq "INFO atr: b\n"
  end

  it "has a named thread, which is ended when lines do not end" do
    before = Thread.list
    pump = described_class.new(source, logger)
    thread = (Thread.list - before).find { |candidate| candidate.name == "atr.log" }
    expect(pump.stop(0)).to be false
    eventually { !thread.alive? }
  end
end
