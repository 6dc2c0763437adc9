# frozen_string_literal: true

module Atr
  class Request
    # The header lines of a request, found by name whatever its case.
    #
    # @example
    #   request.headers["Authorization"]
    class Headers
      include Enumerable

      # @param pairs [Array<Array(String, String)>] as they came; a name may come several times
      def initialize(pairs)
        @values = pairs.each_with_object({}) do |(name, value), values|
          name = name.downcase
          # `X_Forwarded_For` and `X-Forwarded-For` are one name in a Rack env: only the proper one may speak.
          next if name.include?("_")

          values[name] = values.key?(name) ? values[name] + separator(name) + value : value
        end.freeze
      end

      # @param name [String, Symbol]
      # @return [String, nil] several lines of one name are joined as HTTP says
      def [](name)
        @values[name.to_s.downcase.tr("_", "-")]
      end

      # @param name [String, Symbol]
      def key?(name)
        !self[name].nil?
      end

      # @yieldparam name [String] in lower case
      # @yieldparam value [String]
      def each(&block)
        @values.each(&block)
      end

      # @return [Headers] without those whose name matches
      def without(pattern)
        self.class.new(reject { |name, _| pattern.match?(name) })
      end

      private

      def separator(name)
        name == "cookie" ? "; " : ", "
      end
    end
  end
end
