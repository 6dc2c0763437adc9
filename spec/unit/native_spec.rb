# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"

RSpec.describe "Atr::Native" do
  lib = File.expand_path("../../lib", __dir__)
  extension = RbConfig::CONFIG.fetch("DLEXT")
  abi = RUBY_VERSION[/\A\d+\.\d+/]

  # In a process of its own, because a library cannot be unloaded, and from a copy of lib/ without one. Bundler would find the
  # checkout's, so the process has this one's load path in its place.
  define_method(:ruby) do |code, *arguments|
    load_path = [@lib, *($LOAD_PATH - [lib])].map { |directory| "-I#{directory}" }
    output, status = Open3.capture2e({ "RUBYOPT" => nil, "BUNDLER_SETUP" => nil }, RbConfig.ruby, *load_path, "-e", code, *arguments)
    expect(status).to be_success, output
    output
  end

  around do |example|
    Dir.mktmpdir do |directory|
      @lib = File.join(directory, "lib")
      FileUtils.mkdir_p(@lib)
      Dir.glob("**/*.rb", base: lib).each do |file|
        FileUtils.mkdir_p(File.dirname(File.join(@lib, file)))
        FileUtils.cp(File.join(lib, file), File.join(@lib, file))
      end
      example.run
    end
  end

  def place(name, content = "")
    path = File.join(@lib, name)
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, content)
    path
  end

  let(:find) { 'require "atr"; begin; Atr::Native; rescue Atr::Error, LoadError => e; puts [e.class, e.message].join(": "); end' }

  it "is not needed by `require`, settings, and the test broker" do
    output = ruby(<<~RUBY)
      require "atr"
      Atr.configure { |config| config.broker = "test" }
      Atr.publish("a.b", {})
      puts Atr::TestBroker.messages.size, Atr.flush
    RUBY
    expect(output.lines(chomp: true).last(2)).to eq %w[1 true]
  end

  it "names the command that builds it when it is missing, each time" do
    expect(ruby("#{find}; #{find}")).to match(/\A(Atr::Error: .*bundle exec rake compile.*\n){2}\z/)
  end

  it "lets the error of a broken library through, each time" do
    path = place("atr/atr.#{extension}", "no library")
    expect(ruby("#{find}; #{find}")).to match(/\A(LoadError: .*#{Regexp.escape(path)}.*\n){2}\z/)
  end

  ["atr.#{extension}", "atr/atr.#{extension}", "atr/#{abi}/atr.#{extension}"].each_with_index do |name, index|
    it "finds #{name}#{" before the others" if index.positive?}" do
      ["atr.#{extension}", "atr/atr.#{extension}"].first(index).each { |other| place(other) }
      path = place(name)
      expect(ruby(find)).to include(path)
    end
  end

  it "finds the library in another directory of the load path, where RubyGems may put it" do
    other = File.join(File.dirname(@lib), "extensions")
    FileUtils.mkdir_p(File.join(other, "atr"))
    File.write(File.join(other, "atr", "atr.#{extension}"), "no library")
    expect(ruby("$LOAD_PATH << ARGV[0]; #{find}", other)).to include(File.join(other, "atr", "atr.#{extension}"))
  end
end
