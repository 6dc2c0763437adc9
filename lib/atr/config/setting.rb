# frozen_string_literal: true

require_relative "types"

module Atr
  class Config
    # One setting: its name, type and default, and where the environment may have it.
    #
    # @api private
    class Setting
      # What messages show in place of a secret.
      HIDDEN = "[hidden]"
      # Also in a URL that is none, which is why it is shown.
      PASSWORD = %r{\A([a-z+]*:/*)?.*@}m

      # @return [Symbol]
      attr_reader :name
      # @return [Symbol, nil] another name for it
      attr_reader :alias_name
      # @return [Array<String>] variables that may have the value; the first one that is set counts
      attr_reader :environment_names

      # @param name [Symbol]
      # @param type [Types::Type]
      # @param default [Object, Proc] a Proc gets the {Config}
      # @param optional [Boolean] whether nil says "none"
      # @param code [Boolean] whether only Ruby code can give the value, so that no file and no environment has it
      # @param secret [Boolean] whether no message may show the value
      def initialize(name, type, default = nil, optional: false, code: false, secret: false, environment: [], alias_name: nil) # rubocop:disable Metrics/ParameterLists -- a table reads best with names
        @name = name
        @type = type
        @default = default
        @optional = optional
        @code = code
        @secret = secret
        @environment_names = code ? [].freeze : ["ATR_#{name.upcase}", *environment].freeze
        @alias_name = alias_name
      end

      # @return [Boolean]
      def code?
        @code
      end

      # @return [Boolean] whether the default is worked out from other settings; then nil asks for it
      def derived?
        @default.is_a?(Proc)
      end

      # @return [Object] the value when nobody gives one
      def default(config)
        derived? ? @default.call(config) : @default
      end

      # @param value [Object] as given
      # @param source [String] for the message, e.g. `config/atr.yml`
      # @return [Object] as used
      # @raise [ConfigurationError]
      def cast(value, source)
        return if value.nil? && @optional

        result = @type.call(value)
        return result unless result.equal?(Types::INVALID)

        raise ConfigurationError, "#{name} is #{show(value)} (#{source}), but it must be #{@type.expected}"
      end

      private

      def show(value)
        return HIDDEN if @secret

        value.is_a?(String) ? value.sub(PASSWORD, "\\1#{HIDDEN}@").inspect : value.inspect
      end
    end
  end
end
