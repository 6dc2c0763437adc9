# frozen_string_literal: true

require_relative "errors"

module Atr
  # Loads the app that the command line serves: the Rails app of the current directory, or a file.
  #
  # @api private
  class ApplicationLoader
    RAILS_ENVIRONMENT = "config/environment.rb"

    # An app that could not be loaded; its own exception is the `cause`.
    class Failed < Error; end

    # @param file [String, nil] what to load where there is no Rails app
    # @param directory [String]
    def initialize(file: nil, directory: Dir.pwd)
      @directory = directory
      @file = file
    end

    # @return [String, nil] what was loaded; nil where there is nothing
    # @raise [Failed] with one line that says why
    def load
      path = File.join(@directory, RAILS_ENVIRONMENT)
      path = @file && File.expand_path(@file, @directory) unless File.file?(path)
      return if path.nil?
      raise Failed, "there is no file #{@file}" unless File.file?(path)

      Kernel.require path
      path
    rescue Failed, ConfigurationError
      # A setting that cannot be says where it is from, which is not where the app is loaded from.
      raise
    rescue StandardError, ScriptError => e
      raise Failed, describe(path, e)
    end

    private

    # Messages of several lines, as a SyntaxError has, say the essential first.
    def describe(path, error)
      essential = error.message.lines.map(&:strip).find { |line| !line.empty? }
      "#{relative(path)} could not be loaded: #{error.class}: #{essential}#{place(error)}"
    end

    # The nearest line of the app's own code.
    def place(error)
      line = error.backtrace.to_a.find { |candidate| candidate.start_with?("#{@directory}/") }
      " (#{relative(line[/\A.+?:\d+/])})" if line
    end

    def relative(path)
      path.delete_prefix("#{@directory}/")
    end
  end
end
