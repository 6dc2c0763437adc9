# frozen_string_literal: true

require "json"
require_relative "../names"
require_relative "types"

module Atr
  class Config
    # Says of which scopes more or less of the log is kept than of the others: `config.log_for`.
    #
    # @api private
    module LogKinds
      SIZE = Types.integer(0..1_000_000_000)
      # A year is as good as for ever.
      TTL = Types.seconds(0.001..31_536_000)
      ALLOWED = { size: SIZE, ttl: TTL }.freeze
      EXAMPLE = '{"organization.*" => {size: 1000, ttl: 60}}'

      module_function

      # @return [Types::Type] a Hash from scopes to their `size` and `ttl`; flags and the environment have it as JSON
      def type
        Types::Type.new("a Hash like #{EXAMPLE}: scopes, or beginnings of scopes that end in .*, and their size, ttl or both",
                        ->(value) { cast(value) })
      end

      # @param config [Config]
      # @return [Array<Array(String, Integer, Float)>] scopes, size and ttl in seconds; the first that fits counts
      def list(config)
        kinds = config.log_for.sort_by { |scopes, _| [scopes.end_with?("*") ? 1 : 0, -scopes.bytesize] }
        kinds.map { |scopes, kept| [scopes, kept.fetch(:size, config.log_size), kept.fetch(:ttl, config.log_ttl_seconds)] }
      end

      def cast(value)
        value = parse(value) if value.is_a?(String)
        return Types::INVALID unless value.is_a?(Hash)

        kinds = value.to_h { |scopes, kept| [scopes?(scopes.to_s) ? scopes.to_s : Types::INVALID, cast_kept(kept)] }
        kinds.flatten.include?(Types::INVALID) ? Types::INVALID : kinds.freeze
      end

      def cast_kept(kept)
        return Types::INVALID unless kept.is_a?(Hash) && kept.any?

        kept = kept.to_h { |name, value| [name.to_s.to_sym, ALLOWED[name.to_s.to_sym]&.call(value) || Types::INVALID] }
        kept.value?(Types::INVALID) ? Types::INVALID : kept.freeze
      end

      def parse(text)
        JSON.parse(text)
      rescue JSON::ParserError
        Types::INVALID
      end

      def scopes?(scopes)
        Names.valid?(scopes) && scopes != Names::EMPTY_SCOPE && !scopes.delete_suffix(".*").include?("*") && scopes != ".*"
      end
    end
  end
end
