# frozen_string_literal: true

# A Rails app as the README of the original gem describes one: its initializer, classes and JavaScript are here word for word.
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "atr"

module SeedApp
  class Application < Rails::Application
    config.root = File.expand_path("..", __dir__)
    config.load_defaults Rails::VERSION::STRING.to_f
    config.eager_load = Rails.env.production?
    config.cache_classes = !Rails.env.development?
    config.secret_key_base = "the seed app's secret, which every one of its processes has"
    config.logger = Logger.new(nil)
    config.hosts.clear if config.respond_to?(:hosts)
  end
end
