# frozen_string_literal: true

require_relative "config"
require_relative "version"

module Atr
  # The command line, `atr_server`. Nothing but the settings is loaded before the app is, so that the app finds atr as its
  # Gemfile asks for it, with its Railtie.
  #
  # @api private
  class CLI
    # A command line that makes no sense.
    class UsageError < Error; end

    # @param out [IO]
    # @param err [IO]
    def initialize(out: $stdout, err: $stderr)
      @out = out
      @err = err
    end

    # @param argv [Array<String>]
    # @return [Integer] the exit status
    def run(argv)
      arguments = Arguments.new(argv)
      case arguments.command
      when "start" then start(arguments)
      when "version" then @out.puts VERSION
      else @out.puts arguments.help
      end
      0
    rescue SignalException
      # It came while the app was loading: there is nothing to stop.
      0
    rescue StandardError => e
      complain(e, arguments)
      1
    end

    private

    def start(arguments)
      check(arguments)
      loaded = ApplicationLoader.new(file: arguments.file).load
      require "atr"
      arguments.settings.each { |name, value| Atr.config.override(name, value) }
      log_to_output
      Logging.forget
      note_app(loaded, arguments.file)
      Foreground.new.run { Server.start }
    end

    # Loading an app takes seconds: a wrong flag is told of before.
    def check(arguments)
      arguments.settings.each { |name, value| Config.new.override(name, value) }
    end

    def note_app(loaded, file)
      rails = ApplicationLoader::RAILS_ENVIRONMENT
      if loaded.nil?
        Atr.logger.warn "atr: no app was loaded: #{Dir.pwd} has no #{rails}, and no file was given with --require"
      elsif file && loaded.end_with?(rails)
        Atr.logger.warn "atr: --require #{file} was not loaded, because there is a Rails app here (#{rails})"
      end
    end

    # A process of its own writes where its starter looks, unless the app has said which logger it wants.
    def log_to_output
      return if Atr.config.logger

      @out.sync = true
      Atr.config.override(:logger, ::Logger.new(@out, level: ::Logger::INFO, formatter: Logging::FORMAT))
    end

    def complain(error, arguments)
      known = error.is_a?(Error)
      @err.puts "atr_server: #{"#{error.class}: " unless known}#{error.message.lines.first&.chomp}"
      @err.puts (error.cause || error).full_message(highlight: false) if arguments&.debug?
    end
  end
end

require_relative "application_loader"
require_relative "cli/arguments"
require_relative "cli/foreground"
