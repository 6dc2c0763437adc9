# frozen_string_literal: true

require "active_support/time"
require "bigdecimal"

RSpec.describe Atr::Timestamp do
  utc = Time.utc(2026, 11, 21, 16, 5, 9, 123_987)
  zones = %w[UTC Etc/UTC Europe/London Berlin].to_h { |name| [name, ActiveSupport::TimeZone[name]] }

  values = {
    "a time in UTC" => utc,
    "a time with an offset" => utc.getlocal("+02:00"),
    "a time with an offset of nothing" => utc.getlocal("+00:00"),
    "a time before our era" => Time.utc(-44, 3, 15),
    "a time in the far future" => Time.utc(12_345, 1, 1),
    "a time of a class of its own" => Class.new(Time) { def as_json(*) = "own" }.at(0).utc,
    "a date" => Date.new(2026, 11, 21),
    "a date with a time" => DateTime.new(2026, 11, 21, 16, 5, 9),
    "a number" => BigDecimal("1.50"),
    "no number" => Float::NAN,
    "nothing" => nil,
    "a Hash with a time in it" => { at: utc }
  }.merge(zones.to_h { |name, zone| ["a time in the zone #{name}", utc.in_time_zone(zone)] })

  values.each do |what, value|
    it "writes #{what} as ActiveSupport does" do
      expect(described_class.json(value)).to eq value.as_json
    end
  end

  it "writes what nobody has changed in a step of its own" do
    [utc, utc.in_time_zone("UTC")].each do |time|
      expect(time).not_to receive(:as_json)
      expect(described_class.json(time)).to eq "2026-11-21T16:05:09.123Z"
    end
  end

  it "writes milliseconds in any case where they are asked for" do
    [utc, utc.getlocal("+02:00"), *zones.values.map { |zone| utc.in_time_zone(zone) }].each do |time|
      expect(described_class.iso8601(time)).to eq time.iso8601(3)
    end
  end

  describe "of an app with" do
    around do |example|
      encoding = ActiveSupport::JSON::Encoding
      settings = [encoding.time_precision, encoding.use_standard_json_time_format]
      example.run
    ensure
      encoding.time_precision, encoding.use_standard_json_time_format = settings
    end

    it "another precision has that" do
      ActiveSupport::JSON::Encoding.time_precision = 6
      expect([utc, utc.in_time_zone("UTC")].map { |time| described_class.json(time) }).to eq ["2026-11-21T16:05:09.123987Z"] * 2
    end

    it "another format has that" do
      ActiveSupport::JSON::Encoding.use_standard_json_time_format = false
      expect([utc, utc.in_time_zone("UTC")].map { |time| described_class.json(time) }).to eq ["2026/11/21 16:05:09 +0000"] * 2
    end

    [Time, ActiveSupport::TimeWithZone].each do |klass|
      it "another as_json of #{klass.inspect} has that" do
        own = klass.instance_method(:as_json)
        klass.define_method(:as_json) { |*| to_i }
        expect(described_class.json(klass == Time ? utc : utc.in_time_zone("UTC"))).to eq utc.to_i
      ensure
        klass.define_method(:as_json, own)
      end
    end
  end
end
