# frozen_string_literal: true

require "optparse"
require_relative "../config"

module Atr
  class CLI
    # Reads the command line. Every setting that a text can give is a flag, with underscores or dashes:
    # `--server_port=7777`, `--server-port 7777`.
    #
    # @api private
    class Arguments
      COMMANDS = %w[start version help].freeze
      # Flags beside the settings' own names.
      SHORT_NAMES = { "shutdown_timeout" => :shutdown_timeout_seconds }.freeze
      SETTINGS = Config::Settings::ALL.values.reject(&:code?).to_h { |setting| [setting.name.to_s, setting.name] }.merge(SHORT_NAMES).freeze
      USAGE = <<~TEXT
        Usage: atr_server start [options]    runs the server
               atr_server version            says which version this is
               atr_server help               says this

        The app is loaded from ./config/environment.rb, or else from the file that --require names.
        INT and TERM stop the server, a second one ends it at once; TTIN prints what every thread is doing.
        Options, with underscores or dashes; for each there is a variable too, as ATR_SERVER_PORT:

      TEXT

      # @return [String] one of {COMMANDS}
      attr_reader :command
      # @return [Hash{Symbol => String}] settings by name, as given
      attr_reader :settings
      # @return [String, nil] the file to load
      attr_reader :file

      # @param argv [Array<String>]
      # @raise [UsageError]
      def initialize(argv)
        @settings = {}
        word, *rest = parse(argv.flat_map { |argument| split(argument) })
        @command ||= word || "help"
        raise UsageError, "there is no command #{command}; there are #{COMMANDS.join(", ")}" unless COMMANDS.include?(command)
        raise UsageError, "#{command} takes no #{rest.first}" if rest.any?
      end

      # @return [String]
      def help
        USAGE + parser.summarize.join
      end

      # @return [Boolean] whether whoever typed this wants to see everything
      def debug?
        settings[:log_level] == "debug"
      end

      private

      # @return [Array<String>] what is no flag
      def parse(argv)
        parser.parse(argv)
      rescue OptionParser::MissingArgument => e
        raise UsageError, "#{e.args.first} needs a value"
      rescue OptionParser::ParseError => e
        flags = ["--require", *SETTINGS.keys.map { |flag| "--#{flag}" }]
        raise UsageError, "there is no option #{e.args.first}#{Config::Settings.hint(e.args.first, flags)}"
      end

      def parser
        OptionParser.new do |options|
          # `--server` for `--server_port` would change its meaning with the next setting of that beginning.
          options.require_exact = true
          options.summary_width = 36
          options.on("--require FILE", "what to load where there is no Rails app") { |file| @file = file }
          options.on("-h", "--help", "this text") { @command = "help" }
          options.on("-v", "--version", "the version") { @command = "version" }
          SETTINGS.each { |flag, name| options.on("--#{flag} VALUE", *default(name)) { |value| settings[name] = value } }
        end
      end

      def default(name)
        setting = Config::Settings::ALL.fetch(name)
        default = setting.default(nil) unless setting.derived?
        ["(#{default})"] unless default.nil? || default == []
      end

      # `--server-port=1` as `--server_port` and `1`: with `require_exact`, older OptionParsers compare the value too.
      def split(argument)
        return argument unless argument.start_with?("--")

        name, equals, value = argument.delete_prefix("--").partition("=")
        ["--#{name.tr("-", "_")}", *(value unless equals.empty?)]
      end
    end
  end
end
