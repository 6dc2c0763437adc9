# frozen_string_literal: true

require "atr/cli"

RSpec.describe Atr::CLI::Arguments do
  def parse(*argv)
    described_class.new(argv)
  end

  it "reads command and settings, in any order" do
    arguments = parse("--server_host=0.0.0.0", "start", "--server_port", "8000")
    expect(arguments.command).to eq "start"
    expect(arguments.settings).to eq(server_host: "0.0.0.0", server_port: "8000")
  end

  it "takes dashes for underscores, but not in values" do
    expect(parse("start", "--server-host=my-host", "--redis-url", "redis://a-b:1/0").settings)
      .to eq(server_host: "my-host", redis_url: "redis://a-b:1/0")
  end

  it "keeps what follows the first = of a flag" do
    expect(parse("start", "--redis_url=redis://h:1/0?a=b").settings).to eq(redis_url: "redis://h:1/0?a=b")
  end

  it "takes shutdown_timeout for shutdown_timeout_seconds" do
    expect(parse("start", "--shutdown_timeout=3").settings).to eq(shutdown_timeout_seconds: "3")
  end

  it "has a flag for every setting that a text can give" do
    names = Atr::Config::Settings::ALL.values.reject(&:code?).map(&:name)
    expect(names).to include(:server_port, :allowed_origins, :authenticate_with)
    names.each { |name| expect(parse("start", "--#{name}=1").settings).to eq(name => "1") }
    expect { parse("start", "--logger=1") }.to raise_error(Atr::CLI::UsageError)
  end

  it "reads the file to load" do
    expect(parse("start", "--require", "app.rb").file).to eq "app.rb"
  end

  it "knows the other ways to ask for help and version" do
    expect([[], %w[-h], %w[start --help], %w[help]].map { |argv| parse(*argv).command }).to all(eq "help")
    expect([%w[-v], %w[--version], %w[version]].map { |argv| parse(*argv).command }).to all(eq "version")
  end

  it "helps with every flag and its default" do
    help = parse("help").help
    Atr::CLI::Arguments::SETTINGS.each_key { |flag| expect(help).to include("--#{flag} ") }
    expect(help).to match(/--server_port VALUE\s+\(7777\)/)
  end

  it "knows who wants to see everything" do
    expect(parse("start", "--log_level=debug").debug?).to be true
    expect(parse("start").debug?).to be false
  end

  {
    %w[start --sever_port=1] => "there is no option --sever_port (did you mean --server_port?)",
    %w[start --server] => "there is no option --server (did you mean --server_port?)",
    %w[start --server_port] => "--server_port needs a value",
    %w[restart] => "there is no command restart; there are start, version, help",
    %w[start now] => "start takes no now"
  }.each do |argv, message|
    it "says of `#{argv.join(" ")}`: #{message}" do
      expect { parse(*argv) }.to raise_error(Atr::CLI::UsageError, message)
    end
  end
end
