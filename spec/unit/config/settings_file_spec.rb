# frozen_string_literal: true

require "tmpdir"

RSpec.describe Atr::Config::SettingsFile do
  around do |example|
    Dir.mktmpdir do |directory|
      @directory = directory
      example.run
    end
  end

  let(:path) { File.join(@directory, "atr.yml") }

  def read(text, environment: "production")
    File.write(path, text)
    described_class.new(path, environment:).read
  end

  it "reads the section of the environment over the shared one" do
    text = <<~YAML
      shared:
        server_port: 1
        admin_port: 2
      production:
        server_port: 3
      development:
        server_port: 4
    YAML
    expect(read(text)).to eq(server_port: 3, admin_port: 2)
    expect(read(text, environment: "test")).to eq(server_port: 1, admin_port: 2)
  end

  it "takes ERB and anchors, as Rails' files do" do
    expect(read(<<~YAML)).to eq(server_port: 42, event_serializer: "Shown")
      default: &default
        server_port: <%= 6 * 7 %>
        serialize_events_with: Shown
      production:
        <<: *default
    YAML
  end

  it "is empty for an empty file, or one that does not know the environment" do
    expect(read("")).to eq({})
    expect(read("development:\n  server_port: 1\n")).to eq({})
  end

  it "refuses unknown names with the file's and what may be meant" do
    expect { read("production:\n  sever_port: 1\n") }.to raise_error(Atr::ConfigurationError, /atr\.yml: .*sever_port.*server_port\?/)
  end

  it "says where settings belong that stand outside of a section" do
    expect { read("server_port: 1\n") }.to raise_error(Atr::ConfigurationError, /server_port must stand in the section/)
  end

  it "refuses what only code can give" do
    expect { read("production:\n  logger: x\n") }.to raise_error(Atr::ConfigurationError, /logger can only be given in Atr\.configure/)
  end

  it "refuses what is no mapping" do
    expect { read("- 1\n") }.to raise_error(Atr::ConfigurationError, /must be a mapping/)
    expect { read("production: 7777\n") }.to raise_error(Atr::ConfigurationError, /production must be a mapping/)
  end

  it "refuses bad YAML and objects, naming the file" do
    expect { read("production: [") }.to raise_error(Atr::ConfigurationError, /atr\.yml is no YAML/)
    expect { read("production: !ruby/object:Object {}") }.to raise_error(Atr::ConfigurationError, /atr\.yml is no YAML/)
  end

  it "says that there is no such file" do
    expect { described_class.new(path, environment: "test").read }.to raise_error(Atr::ConfigurationError, /cannot be read/)
  end

  it "has the logs of kinds of scopes as a mapping" do
    File.write(path, "production:\n  log_for:\n    organization.*: { size: 1000, ttl: 60 }\n    user.*: { size: 0 }\n")
    config = Atr::Config.new(environment: {})
    config.load_file(path, environment: "production")
    expect(config.log_for).to eq("organization.*" => { size: 1000, ttl: 60.0 }, "user.*" => { size: 0 })
  end

  it "names the file when a value of it cannot be" do
    File.write(path, "production:\n  server_port: http\n")
    config = Atr::Config.new(environment: {})
    config.load_file(path, environment: "production")
    expect { config.validate! }.to raise_error(Atr::ConfigurationError, /server_port is "http" \(.*atr\.yml\)/)
  end
end
