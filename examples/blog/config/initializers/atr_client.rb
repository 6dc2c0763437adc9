# frozen_string_literal: true

# The browser client, as it lies in the gem. In an app with Sprockets or Propshaft it is an asset, `atr`.
Rails.application.config.middleware.use Rack::Static, urls: ["/atr.js", "/atr.js.map"], root: Atr::ClientAssets::DIRECTORY
