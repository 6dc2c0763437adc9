# frozen_string_literal: true

require "atr/application_loader"
require "tmpdir"

RSpec.describe Atr::ApplicationLoader do
  around { |example| Dir.mktmpdir { |directory| @directory = File.realpath(directory) and example.run } }

  before { $atr_loaded = [] } # rubocop:disable Style/GlobalVars -- loaded files see nothing else of this example
  after { $atr_loaded = nil } # rubocop:disable Style/GlobalVars

  def write(name, text = "$atr_loaded << #{name.inspect}")
    path = File.join(@directory, name)
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, text)
  end

  def load(file: nil)
    described_class.new(file:, directory: @directory).load
    $atr_loaded # rubocop:disable Style/GlobalVars
  end

  it "loads the Rails app of the directory" do
    write("config/environment.rb")
    expect(load).to eq ["config/environment.rb"]
  end

  it "loads the Rails app rather than the file" do
    write("config/environment.rb")
    write("app.rb")
    expect(load(file: "app.rb")).to eq ["config/environment.rb"]
  end

  it "loads the file where there is no Rails app" do
    write("app.rb")
    expect(load(file: "app.rb")).to eq ["app.rb"]
    write("other.rb")
    expect(load(file: "./other.rb")).to eq ["app.rb", "other.rb"]
  end

  it "loads nothing where there is nothing" do
    expect(load).to eq []
  end

  it "says that the file is missing" do
    expect { load(file: "app.rb") }.to raise_error(described_class::Failed, "there is no file app.rb")
  end

  it "says in one line what went wrong, and where in the app" do
    write("app.rb", "\n\nInteger('x')")
    expect { load(file: "app.rb") }
      .to raise_error(described_class::Failed, /\Aapp\.rb could not be loaded: ArgumentError: invalid value.* \(app\.rb:3\)\z/)
  end

  it "says so of what is no StandardError, too" do
    write("app.rb", "def x(")
    expect { load(file: "app.rb") }.to raise_error(described_class::Failed, /\Aapp\.rb could not be loaded: SyntaxError: [^\n]+\z/)
    write("b.rb", "require 'no_such_library'")
    expect { load(file: "b.rb") }.to raise_error(described_class::Failed, /LoadError: .*no_such_library \(b\.rb:1\)/)
  end
end
