# frozen_string_literal: true

require "rails/railtie"
require_relative "client_assets"
require_relative "model_loader"

module Atr
  # Brings atr into a Rails app. Nothing here starts a thread or opens a socket.
  class Railtie < ::Rails::Railtie
    @kept = []
    @prepared = false

    class << self
      # Keeps the block of an initializer until constants of `app/` resolve, which they do not from Rails 7 on while
      # initializers run; then, and again after each reload of the code, it is run.
      #
      # @api private
      # @return [Boolean] whether it was kept; if not, it is to be run now
      def keep(&block)
        return false if @prepared || !RailsApp.booting?

        @kept << block
        true
      end

      # @api private
      # @return [Boolean] whether blocks of initializers may still be waiting, so that the settings are not known yet
      def unprepared?
        !@prepared && RailsApp.booting?
      end

      # @api private
      def prepare
        first = !@prepared
        @prepared = true
        # After a reload: a server has started with them, and looks its classes up by name.
        return if Atr.config.frozen?

        @kept.each { |block| Atr.apply(load_hooks: first, &block) }
        # What was published while the app was booting may have started one with other settings.
        Atr.reset_publisher if first
      end
    end

    # Ours is the first such block, because a gem is required before the app's initializers run: theirs find atr configured.
    config.to_prepare { Railtie.prepare }

    initializer "atr.settings", before: :load_config_initializers do |app|
      file = app.root.join("config", "atr.yml")
      Atr.config.load_file(file, environment: ::Rails.env.to_s) if file.exist?
    end

    initializer "atr.registry" do |app|
      Registry.loader = ModelLoader.new(app)
      app.reloader.before_class_unload { Registry.loader.forget }
      app.reloader.after_class_unload { Registry.forget_unloaded }
    end

    initializer "atr.views" do
      ActiveSupport.on_load(:action_view) do
        require "atr/positions_helper"
        include PositionsHelper
      end
    end

    initializer("atr.assets") { |app| ClientAssets.add_to(app.config) }

    # A setting that cannot be is said at boot, not in the middle of somebody's request.
    config.after_initialize { Atr.config.validate! }
  end
end
