# frozen_string_literal: true

require "active_support"
require "active_support/json/encoding"
require "active_support/time"

module Atr
  # Writes times. One in UTC, as nearly all are that come from a database, is written in one step, to what ActiveSupport takes
  # many for; where the app has another zone, another `as_json` or other settings for times, these count.
  #
  # @api private
  module Timestamp
    # In UTC, with milliseconds.
    FORMAT = "%FT%T.%LZ"
    DIGITS = 3
    # What ActiveSupport itself says of times.
    OWN = [::Time, ActiveSupport::TimeWithZone].to_h { |klass| [klass, klass.instance_method(:as_json)] }
                                               .select { |_, method| method.source_location.first.include?("/active_support/") }
                                               .freeze
    private_constant :FORMAT, :DIGITS, :OWN

    class << self
      # @param value [Time, ActiveSupport::TimeWithZone, Object]
      # @return [Object] its `as_json`
      def json(value)
        standard?(value.class) && utc?(value) ? value.utc.strftime(FORMAT) : value.as_json
      end

      # @param time [Time, ActiveSupport::TimeWithZone]
      # @return [String] its `iso8601`, with milliseconds
      def iso8601(time)
        time.instance_of?(::Time) && time.utc? ? time.strftime(FORMAT) : time.iso8601(DIGITS)
      end

      private

      def standard?(klass)
        OWN.key?(klass) && OWN[klass] == klass.instance_method(:as_json) &&
          ActiveSupport::JSON::Encoding.use_standard_json_time_format &&
          ActiveSupport::JSON::Encoding.time_precision == DIGITS
      end

      def utc?(time)
        time.instance_of?(::Time) ? time.utc? : time.time_zone.tzinfo.identifier == "Etc/UTC"
      end
    end
  end
end
