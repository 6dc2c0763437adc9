# frozen_string_literal: true

require "active_support/core_ext/string/inflections"

module Atr
  # Loads the models of a Rails app that loads classes when they are used: what is in `app/models`, its engines' too, and
  # nothing else. Once, and again after code was reloaded.
  #
  # @api private
  class ModelLoader
    # @param application [Rails::Application]
    def initialize(application)
      @application = application
      @lock = Monitor.new
      @loaded = false
    end

    # @return [void]
    def load
      return if @loaded || @application.config.eager_load

      # A model may ask for the channels while it is being loaded.
      @lock.synchronize do
        next if @loaded

        @loaded = true
        load_all
      rescue Exception # rubocop:disable Lint/RescueException -- whatever it is, not all models are there
        @loaded = false
        raise
      end
    end

    # Says that code has been unloaded.
    #
    # @return [void]
    def forget
      @loaded = false
    end

    private

    def load_all
      # None with the classic autoloader of Rails 6.1.
      loaders = ::Rails.autoloaders.to_a
      roots.each do |root|
        loader = loaders.find { |candidate| candidate.dirs.include?(root) }
        loader.respond_to?(:eager_load_dir) ? loader.eager_load_dir(root) : load_files(root, loader)
      end
    end

    def roots
      engines = [@application, *@application.railties.grep(::Rails::Engine)].uniq
      engines.flat_map { |engine| engine.paths["app/models"].existent_directories }.uniq
    end

    # For Zeitwerk before 2.6.2, and the classic autoloader. Directories that are roots of their own, as `concerns`, have no models.
    def load_files(root, loader)
      roots = ActiveSupport::Dependencies.autoload_paths.select { |path| path.start_with?("#{root}/") }
      files = Dir.glob("**/*.rb", base: root).reject { |file| File.join(root, file).start_with?(*roots) }
      files.sort.each { |file| constant(loader, file.delete_suffix(".rb"), File.join(root, file)).safe_constantize }
    end

    def constant(loader, name, path)
      return name.camelize if loader.nil?

      name.split("/").map { |part| loader.inflector.camelize(part, path) }.join("::")
    end
  end
end
