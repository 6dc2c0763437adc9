# frozen_string_literal: true

require "ipaddr"
require "uri"

module Atr
  class Config
    # What values settings may have. Each type says what it expects, and makes the value of what it is given: flags and the
    # environment know only Strings.
    #
    # @api private
    module Types
      # What a type gives for a value that it does not take.
      INVALID = Object.new.freeze

      # @!attribute expected
      #   @return [String] ends the sentence "it must be …"
      # @!attribute cast
      #   @return [Proc] gives the value, or {INVALID}
      Type = Struct.new(:expected, :cast) do
        def call(value)
          cast.call(value)
        end
      end

      TRUE_WORDS = %w[true 1 yes on].freeze
      FALSE_WORDS = %w[false 0 no off].freeze
      LOGGER_METHODS = %i[debug info warn error].freeze
      # White space and control characters, which neither hosts nor names in Redis may have.
      UNPRINTABLE = /[[:space:][:cntrl:]]/

      module_function

      def integer(range)
        Type.new("an Integer #{words(range)}", lambda { |value|
          value = Integer(value, 10) if value.is_a?(String) && value.match?(/\A-?\d[\d_]*\z/)
          value.is_a?(Integer) && range.cover?(value) ? value : INVALID
        })
      end

      def seconds(range)
        Type.new("a number of seconds #{words(range)}", lambda { |value|
          value = Float(value, exception: false) if value.is_a?(String)
          value.is_a?(Numeric) && value.real? && range.cover?(value) ? value.to_f : INVALID
        })
      end

      def boolean
        Type.new("true or false", lambda { |value|
          next value if [true, false].include?(value)

          word = value.is_a?(String) ? value.downcase : nil
          next true if TRUE_WORDS.include?(word)

          FALSE_WORDS.include?(word) ? false : INVALID
        })
      end

      def choice(*words)
        Type.new("one of #{words.join(", ")}", lambda { |value|
          value = value.to_s if value.is_a?(Symbol)
          words.include?(value) ? value : INVALID
        })
      end

      def text(expected = "a String that is not empty", &valid)
        Type.new(expected, ->(value) { value.is_a?(String) && !value.strip.empty? && (!valid || valid.call(value)) ? value : INVALID })
      end

      def host
        Type.new("a host name or address", lambda { |value|
          value.is_a?(String) && !value.empty? && !value.match?(UNPRINTABLE) && !value.include?("/") ? value.delete("[]") : INVALID
        })
      end

      def url(*schemes)
        Type.new("a URL that begins with #{schemes.map { |scheme| "#{scheme}://" }.join(" or ")}", lambda { |value|
          value = value.to_s if value.is_a?(URI::Generic)
          value.is_a?(String) && value.start_with?(*schemes.map { |scheme| "#{scheme}://" }) && !value.match?(UNPRINTABLE) ? value : INVALID
        })
      end

      def class_or_name
        Type.new("a class or the name of one", lambda { |value|
          value.is_a?(Class) || (value.is_a?(String) && value.match?(/\A(?:::)?[A-Z]\w*(?:::[A-Z]\w*)*\z/)) ? value : INVALID
        })
      end

      def callable
        Type.new("something with a `call` method", ->(value) { value.respond_to?(:call) ? value : INVALID })
      end

      def logger
        Type.new("a Logger", ->(value) { LOGGER_METHODS.all? { |name| value.respond_to?(name) } ? value : INVALID })
      end

      def list(expected, &valid)
        Type.new(expected, lambda { |value|
          value = value.is_a?(String) ? value.split(",").map(&:strip).reject(&:empty?) : Array(value)
          value.all?(&valid) ? value : INVALID
        })
      end

      def origins
        list("a list of origins, Strings (with * for any part) or Regexps") do |origin|
          origin.is_a?(Regexp) || (origin.is_a?(String) && !origin.empty?)
        end
      end

      def address_ranges
        list("a list of IP addresses or ranges (10.0.0.0/8)") do |range|
          range.is_a?(IPAddr) || (range.is_a?(String) && IPAddr.new(range))
        rescue IPAddr::Error
          false
        end
      end

      def words(range)
        return "from #{range.begin} to #{range.end}" if range.end && range.end != Float::INFINITY

        range.begin.zero? ? "that is not negative" : "of at least #{range.begin}"
      end
    end
  end
end
