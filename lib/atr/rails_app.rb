# frozen_string_literal: true

module Atr
  # Knows the Rails app around atr, if there is one: every question has an answer without Rails too.
  #
  # @api private
  module RailsApp
    module_function

    # @return [Rails::Application, nil]
    def application
      ::Rails.application if defined?(::Rails) && ::Rails.respond_to?(:application)
    end

    # @return [String] "development" where nothing says otherwise
    def environment
      return ::Rails.env.to_s if defined?(::Rails) && ::Rails.respond_to?(:env)

      ENV["RAILS_ENV"] || ENV["RACK_ENV"] || "development"
    end

    # @return [Logger, nil]
    def logger
      ::Rails.logger if defined?(::Rails) && ::Rails.respond_to?(:logger)
    end

    # @return [String, nil] the app's secret_key_base
    def secret
      value = application&.secret_key_base
      value unless value.to_s.empty?
    rescue ArgumentError
      # What Rails raises where production has none.
      nil
    end

    # @return [Boolean] whether the app's initializers may still be running
    def booting?
      !application.nil? && !application.initialized?
    end

    # @return [Boolean] whether all classes of the app are loaded by the time it has booted
    def eager_load?
      application.nil? || application.config.eager_load ? true : false
    end

    # @return [#wrap, nil] what code of the app is to run in: with code reloading where the app has it
    def executor
      return if application.nil?

      application.config.cache_classes ? application.executor : application.reloader
    end
  end
end
