# frozen_string_literal: true

require "erb"
require "yaml"
require_relative "settings"

module Atr
  class Config
    # Reads a file as `config/atr.yml`: YAML with ERB, one section for each environment and `shared` for all of them, as
    # Rails' own files are.
    #
    # @api private
    class SettingsFile
      # @param path [String, Pathname]
      # @param environment [String]
      def initialize(path, environment:)
        @path = path.to_s
        @environment = environment
      end

      # @return [Hash{Symbol => Object}] by the settings' names
      # @raise [ConfigurationError]
      def read
        sections = mapping(parse, "the file")
        values = %w[shared].push(@environment).reduce({}) { |all, name| all.merge(mapping(sections[name], name)) }
        raise ConfigurationError, misplaced(sections) if values.empty? && (sections.keys & Settings::NAMES).any?

        values.transform_keys { |name| setting(name).name }
      end

      private

      def parse
        text = ERB.new(File.read(@path)).tap { |erb| erb.filename = @path }.result
        YAML.safe_load(text, aliases: true, filename: @path)
      rescue Psych::Exception => e
        raise ConfigurationError, "#{@path} is no YAML: #{e.message}"
      rescue SystemCallError => e
        raise ConfigurationError, "#{@path} cannot be read: #{e.message}"
      end

      def mapping(value, what)
        return {} if value.nil?
        return value if value.is_a?(Hash)

        raise ConfigurationError, "#{@path}: #{what} must be a mapping of names to values"
      end

      def setting(name)
        setting = Settings.find(name, @path)
        return setting unless setting.code?

        raise ConfigurationError, "#{@path}: #{name} can only be given in Atr.configure"
      end

      def misplaced(sections)
        "#{@path}: #{(sections.keys & Settings::NAMES).first} must stand in the section of an environment " \
          "(#{@environment}:), or in shared:"
      end
    end
  end
end
