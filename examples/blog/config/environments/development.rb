# frozen_string_literal: true

Rails.application.configure do
  # Rails 7.1 and later call this config.enable_reloading = true.
  config.cache_classes = false
  config.eager_load = false
  config.consider_all_requests_local = true
  config.active_record.migration_error = :page_load
  # The styles and scripts in public/ may change at any time.
  config.public_file_server.headers = { "Cache-Control" => "no-cache" }
end
