# frozen_string_literal: true

module Atr
  # Makes the browser client known to whatever serves the app's assets, as `atr`: Sprockets or Propshaft, with or without importmap.
  # An app with neither can serve it from {DIRECTORY}, or take it from npm.
  module ClientAssets
    # Where the client is, with its source map.
    DIRECTORY = File.expand_path("../../app/assets/javascripts", __dir__)
    FILES = %w[atr.js atr.js.map].freeze

    # @api private
    # @param config [Rails::Application::Configuration]
    def self.add_to(config)
      return unless config.respond_to?(:assets)

      config.assets.paths << DIRECTORY
      # Sprockets serves only what is named; Propshaft takes the list and serves everything.
      config.assets.precompile = [*config.assets.precompile, *FILES]
    end
  end
end
