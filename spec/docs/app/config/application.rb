# frozen_string_literal: true

require "bundler/setup"
# Rails before 7.1 uses it without saying so.
require "logger"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "rails/test_unit/railtie"

Bundler.require

# What a reader of the docs has before the first line of them: an app with a few models, of which none publishes.
module Reader
  class Application < Rails::Application
    config.load_defaults Rails::VERSION::STRING.to_f
    config.root = File.expand_path("..", __dir__)
    config.eager_load = false
    config.cache_classes = false
    config.secret_key_base = "the secret of the reader's app"
  end
end
