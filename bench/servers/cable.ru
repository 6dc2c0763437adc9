# frozen_string_literal: true

# Action Cable with the Redis adapter as an app has it: in a Rails app with Active Record, in production, whose executor every
# delivery runs in. The app does nothing else; nobody has to be authenticated.
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_cable/engine"

class CableApp < Rails::Application
  config.load_defaults Rails::VERSION::STRING.to_f
  config.root = Dir.pwd
  config.eager_load = true
  config.secret_key_base = "0" * 64
  config.logger = ActiveSupport::TaggedLogging.new(Logger.new($stdout))
  config.log_level = :info
  config.action_cable.disable_request_forgery_protection = true
  config.action_cable.cable = { "adapter" => "redis", "url" => ENV.fetch("REDIS_URL") }.with_indifferent_access
end

class FeedChannel < ActionCable::Channel::Base
  def subscribed
    stream_from ENV.fetch("CHANNEL")
  end

  def receive(_message); end
end

CableApp.initialize!
run CableApp
