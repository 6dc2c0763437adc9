# frozen_string_literal: true

require "atr/cli"

RSpec.describe Atr::CLI do
  let(:out) { StringIO.new }
  let(:err) { StringIO.new }

  def run(*argv)
    described_class.new(out:, err:).run(argv)
  end

  after { Atr.reset! }

  it "says which version it is" do
    expect(run("version")).to eq 0
    expect(out.string).to eq "#{Atr::VERSION}\n"
  end

  it "helps" do
    expect(run("help")).to eq 0
    expect(out.string).to include("Usage: atr_server start").and include("--server_port")
  end

  it "says in one line what is wrong with the command line" do
    expect(run("start", "--sever_port=1")).to eq 1
    expect(err.string).to eq "atr_server: there is no option --sever_port (did you mean --server_port?)\n"
    expect(out.string).to eq ""
  end

  it "says so of a wrong value before it loads the app" do
    loader = class_spy(Atr::ApplicationLoader)
    stub_const("Atr::ApplicationLoader", loader)
    expect(run("start", "--server_port=http")).to eq 1
    expect(err.string).to match(/\Aatr_server: server_port is "http" \(--server_port\), but it must be an Integer.*\n\z/)
    expect(loader).not_to have_received(:new)
  end

  describe "start" do
    let(:loader) { instance_double(Atr::ApplicationLoader, load: nil) }
    let(:foreground) { instance_double(Atr::CLI::Foreground) }

    before do
      allow(Atr::ApplicationLoader).to receive(:new).and_return(loader)
      allow(Atr::CLI::Foreground).to receive(:new).and_return(foreground)
      allow(foreground).to receive(:run) { |&start| start.call }
      allow(Atr::Server).to receive(:start)
    end

    it "loads the app and runs a server with the flags" do
      expect(run("start", "--server_port=8000", "--require", "app.rb")).to eq 0
      expect(Atr::ApplicationLoader).to have_received(:new).with(file: "app.rb")
      expect(Atr::Server).to have_received(:start)
      expect(Atr.config.server_port).to eq 8000
    end

    it "counts a flag more than what the app configures" do
      allow(loader).to receive(:load) { Atr.configure { |config| config.server_port = 9000 } }
      run("start", "--server_port=8000")
      expect(Atr.config.server_port).to eq 8000
    end

    it "says that there is no app, or that a file was not loaded for one" do
      run("start")
      expect(out.string).to match(%r{WARN.*no app was loaded: .* has no config/environment.rb})
      out.truncate(0)
      allow(loader).to receive(:load).and_return("/app/config/environment.rb")
      run("start", "--require=live.rb")
      expect(out.string).to match(/WARN.*--require live.rb was not loaded/)
    end

    it "writes its log to the standard output" do
      run("start")
      Atr.logger.info("hello")
      expect(out.string).to match(/INFO +hello/)
    end

    it "writes its log where the app wants it" do
      log = StringIO.new
      allow(loader).to receive(:load) { Atr.configure { |config| config.logger = Logger.new(log) } }
      run("start", "--log_level=warn")
      Atr.logger.info("hello")
      Atr.logger.warn("look")
      expect(log.string).to include("look")
      expect(log.string).not_to include("hello")
      expect(out.string).to eq ""
    end

    it "says in one line what keeps the server from starting, and no more" do
      allow(Atr::Server).to receive(:start).and_raise(Atr::ServerError, "127.0.0.1:7777 is in use")
      expect(run("start")).to eq 1
      expect(err.string).to eq "atr_server: 127.0.0.1:7777 is in use\n"
    end

    it "shows the backtrace of the cause to who wants to debug" do
      allow(loader).to receive(:load) do
        raise "no database"
      rescue StandardError
        raise Atr::ApplicationLoader::Failed, "config/environment.rb could not be loaded"
      end
      expect(run("start", "--log_level=debug")).to eq 1
      expect(err.string).to start_with("atr_server: config/environment.rb could not be loaded\n")
      expect(err.string).to include("no database (RuntimeError)").and include("cli_spec.rb")
    end

    it "ends quietly when a signal comes while the app is loading" do
      allow(loader).to receive(:load).and_raise(Interrupt)
      expect(run("start")).to eq 0
      expect(err.string).to eq ""
    end
  end
end
