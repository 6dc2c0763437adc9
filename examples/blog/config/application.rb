# frozen_string_literal: true

require_relative "boot"

require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"

Bundler.require(*Rails.groups)

module Blog
  class Application < Rails::Application
    # An app of your own names the version it was made with. This one runs on every Rails from 6.1 on.
    config.load_defaults Rails::VERSION::STRING.to_f
  end
end
