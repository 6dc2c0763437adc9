# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"

# A real Rails app of a few files in a directory of its own, whose `bin/rails runner` is a process of its own.
class SmallRailsApp
  LIB = File.expand_path("../../lib", __dir__)

  FILES = {
    "bin/rails" => <<~RUBY,
      APP_PATH = File.expand_path("../config/application", __dir__)
      require "rails/commands"
    RUBY
    "config/application.rb" => <<~RUBY,
      require "rails"
      require "active_record/railtie"
      require "action_controller/railtie"
      require "atr"
      Dir[File.expand_path("../engines/*.rb", __dir__)].each { |engine| require engine }

      module SmallApp
        class Application < Rails::Application
          config.root = File.expand_path("..", __dir__)
          config.load_defaults Rails::VERSION::STRING.to_f
          config.eager_load = Rails.env.production?
          config.cache_classes = Rails.env.production?
          config.logger = Logger.new(File.join(config.root, "rails.log"))
          config.secret_key_base = "0" * 64
          config.active_support.deprecation = :stderr
        end
      end
    RUBY
    "config/environment.rb" => <<~RUBY,
      require_relative "application"
      Rails.application.initialize!
    RUBY
    "config/database.yml" => %w[development test production].map { |name| <<~YAML }.join,
      #{name}:
        adapter: sqlite3
        database: ":memory:"
    YAML
    "app/models/application_record.rb" => <<~RUBY
      class ApplicationRecord < ActiveRecord::Base
        self.abstract_class = true
      end
    RUBY
  }.freeze

  Result = Struct.new(:output, :errors, :status) do
    # @return [Object] what the script gave
    def value
      raise "the app failed: #{errors}" unless status.success?

      JSON.parse(output, quirks_mode: true)
    end
  end

  # @param files [Hash{String => String}] added to, or in the place of, the usual ones
  # @yieldparam app [SmallRailsApp]
  def self.open(files = {})
    Dir.mktmpdir("atr-rails") { |directory| yield new(File.realpath(directory), files) }
  end

  attr_reader :root

  def initialize(root, files)
    @root = root
    FILES.merge(files).each { |path, text| write(path, text) }
    FileUtils.mkdir_p(File.join(root, "tmp"))
  end

  def write(path, text)
    file = File.join(root, path)
    FileUtils.mkdir_p(File.dirname(file))
    File.write(file, text)
  end

  # @return [String]
  def log
    File.read(File.join(root, "rails.log"))
  end

  # Runs `bin/rails runner`.
  # @param script [String] what its last expression gives is the result's value
  # @return [Result]
  def runner(script, environment: "development", **variables)
    write("script.rb", "result = begin\n#{script}\nend\nputs JSON.generate(result)\n")
    variables = { "RUBYLIB" => [LIB, ENV.fetch("RUBYLIB", nil)].compact.join(File::PATH_SEPARATOR), "RAILS_ENV" => environment,
                  "RACK_ENV" => nil, "DATABASE_URL" => nil, "REDIS_URL" => nil }.merge(variables.transform_keys(&:to_s))
    Result.new(*Open3.capture3(variables, RbConfig.ruby, "bin/rails", "runner", "script.rb", chdir: root))
  end

  # As a developer who looks for the names of events.
  # @return [Array(String, String, Process::Status)]
  def rails_runner(code)
    Open3.capture3({ "RUBYLIB" => LIB, "RAILS_ENV" => "development" }, RbConfig.ruby, "bin/rails", "runner", code, chdir: root)
  end
end
