# frozen_string_literal: true

module Atr
  class Server
    # Refuses classes that could not answer: what is wrong is said at the start, not to the first client.
    #
    # @api private
    module ClassCheck
      module_function

      # @param config [Config]
      # @return [void]
      # @raise [ConfigurationError] for a class that there is not, or that lacks a method
      def call(config)
        Atr.executor.wrap do
          demand(:authenticate_with, config.authenticator_class, [:matches?])
          demand(:scope_with, config.scope_class, [:routing_key, %i[valid? matches?]])
        end
      end

      # @param methods [Array<Symbol, Array<Symbol>>] each one, or one of several
      def demand(setting, klass, methods)
        return if klass.nil?

        missing = methods.map { |method| Array(method) }.find { |names| names.none? { |name| klass.method_defined?(name) } }
        return if missing.nil?

        raise ConfigurationError, "#{setting} is #{klass.name || klass}, but it has no method #{missing.join(" or ")}"
      end
    end
  end
end
