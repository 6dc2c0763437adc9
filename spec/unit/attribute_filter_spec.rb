# frozen_string_literal: true

RSpec.describe Atr::AttributeFilter do
  def filter(*filters)
    described_class.new(filters)
  end

  def hidden(filter, *names)
    names.select { |name| filter.hidden?(name) }
  end

  it "hides by parts of names, symbols and regexps, as Rails does" do
    filter = filter(:passw, "Token", /\Assn\z/)
    expect(hidden(filter, "password_digest", "api_token", "ssn", "ssn2", "title")).to eq %w[password_digest api_token ssn]
  end

  it "takes hidden keys out of nested values" do
    value = { "theme" => "dark", "api_token" => "x", "deep" => [{ "token" => "y", "a" => 1 }] }
    expect(filter(:token).call("settings", value)).to eq("theme" => "dark", "deep" => [{ "a" => 1 }])
    expect(value).to include("api_token" => "x")
  end

  it "knows keys by where they are" do
    filter = filter("settings.code")
    expect(filter.call("settings", { "code" => 1, "a" => { "code" => 2 } })).to eq("a" => { "code" => 2 })
    expect(filter.hidden?("code")).to be false
  end

  it "lets blocks change values" do
    filter = filter(->(key, value) { value.replace("***") if key == "iban" && value })
    expect(filter.hidden?("iban")).to be false
    expect(filter.call("iban", iban = +"DE12")).to eq "***"
    expect(iban).to eq "DE12"
    expect(filter.call("title", "a")).to eq "a"
  end

  describe ".for" do
    it "hides what a new Rails app filters where the class says nothing" do
      filter = described_class.for(Class.new)
      expect(hidden(filter, "password", "access_token", "client_secret", "private_key", "otp_code", "email", "title")).to eq(
        %w[password access_token client_secret private_key otp_code]
      )
    end

    it "hides what the class says, and only that" do
      klass = Class.new { define_singleton_method(:filter_attributes) { [:email] } }
      expect(hidden(described_class.for(klass), "email", "password")).to eq %w[email]
    end

    it "is made once, and anew when the class says something else" do
      filters = [:email]
      klass = Class.new { define_singleton_method(:filter_attributes) { filters } }
      expect(described_class.for(klass)).to be described_class.for(klass)
      filters << :phone
      expect(hidden(described_class.for(klass), "email", "phone")).to eq %w[email phone]
    end
  end
end
