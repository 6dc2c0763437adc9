# frozen_string_literal: true

RSpec.describe Atr::Logging do
  let(:config) { Atr::Config.new(environment: {}) }
  let(:written) { StringIO.new }
  let(:logger) { Logger.new(written, level: Logger::INFO) }

  after { described_class.forget }

  it "gives the configured logger itself" do
    config.logger = logger
    expect(described_class.logger(config)).to be logger
  end

  it "gives Rails' logger otherwise" do
    allow(Atr::RailsApp).to receive(:logger).and_return(logger)
    expect(described_class.logger(config)).to be logger
  end

  it "writes to the standard error stream without either" do
    expect { described_class.logger(config).info("started") }.to output(/\A\S+Z INFO  started\n\z/).to_stderr
    expect { described_class.logger(config).debug("detail") }.not_to output.to_stderr
  end

  it "has a level of its own, which leaves the app's alone" do
    config.logger = logger
    config.log_level = "debug"
    described_class.logger(config).debug("ours")
    logger.debug("theirs")
    expect(written.string).to include("ours")
    expect(written.string).not_to include("theirs")
    expect(logger.level).to eq Logger::INFO
  end

  it "says a thing once, and others too" do
    said = []
    2.times { described_class.once(:a, "Post") { said << 1 } }
    described_class.once(:a, "Comment") { said << 2 }
    expect(said).to eq [1, 2]
  end
end
