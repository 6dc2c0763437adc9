# frozen_string_literal: true

require "atr/cli"
require "docs/support/reader"
require "docs/support/settings_table"

RSpec.describe "docs/settings.md", order: :defined do
  include Docs::Reader
  include Docs::SettingsTable

  reads "docs/settings.md"

  follows "Settings", RAILS_ENV: "production", ATR_GATE_THREADS: "2"

  let(:settings) { Atr::Config::Settings::ALL.values }
  let(:rows) { document.rows("setting") }

  # @return [String] what the row of a setting says of it
  def said_of(setting)
    rows.find { |name, _| name == "`#{setting.name}`" }.last
  end

  it "has every setting, in the order of the table that they come from" do
    expect(rows.map(&:first)).to eq(settings.map { |setting| "`#{setting.name}`" })
  end

  it "says each default as it is" do
    expect(rows.map { |name, default, _| [name, default] }).to all(be_a_setting_with_its_default)
  end

  it "says which can only be given in Ruby, have another name or another variable" do
    settings.each do |setting|
      said = said_of(setting)
      expect(said.include?("only in `Atr.configure`")).to be(setting.code?), said
      expect(said).to include("also called `#{setting.alias_name}`") if setting.alias_name
      variables = setting.environment_names.drop(1)
      expect(document.text).to include("for `#{setting.name}` also `#{variables.join("`, `")}`") if variables.any?
    end
    Atr::CLI::Arguments::SHORT_NAMES.each do |flag, name|
      expect(said_of(Atr::Config::Settings.find(name))).to include("as a flag also `--#{flag}`")
    end
  end

  it "says what a default is made of" do
    redis_url = config("ATR_BROKER" => "redis").redis_url
    expect(said_of(Atr::Config::Settings.find(:redis_url))).to include("`#{redis_url}` when `broker` is set to `redis` and this is not")
    expect(config("REDIS_URL" => "redis://redis.example")).to have_attributes(broker: "redis", redis_url: "redis://redis.example")
    expect(config("ATR_ADMIN_HOST" => "10.0.0.1", "ATR_ADMIN_PORT" => "80").admin_url).to eq "http://10.0.0.1:80"
    allow(Atr).to receive(:environment).and_return("test")
    expect(config("REDIS_URL" => "redis://redis.example").broker).to eq "test"
  end

  def config(environment)
    Atr::Config.new(environment: environment)
  end

  it "shows how they are given" do
    app.add_gem
    app.write(Docs::Document.new("README.md").block("# app/atr/websocket_authenticator.rb"))
    names = %i[authenticate_with allowed_origins server_port trusted_proxies broker gate_threads max_connections]
    expect(console.evaluate("#{names}.to_h { |name| [name, [Atr.config[name], Atr.config.source(name)].map(&:to_s)] }")).to match(
      "authenticate_with" => %w[WebsocketAuthenticator configure], "allowed_origins" => [/example\.com.*preview/, "configure"],
      "server_port" => [app.port.to_s, "environment"], "trusted_proxies" => ['["10.0.0.0/8"]', "file"],
      "broker" => %w[redis file], "gate_threads" => %w[2 environment], "max_connections" => %w[100000 default]
    )
    expect(console.evaluate('Atr.publish("no name", {}); Metrics.counted')).to eq [["atr.unpublished", { "error" => "Atr::PublishError" }]]
  end

  describe "as a whole" do
    runs_every_block
  end
end
