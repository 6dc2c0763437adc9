# frozen_string_literal: true

require "openssl"
require_relative "errors"
require_relative "config/settings"
require_relative "config/settings_file"
require_relative "rails_app"

module Atr
  # The settings: {Settings} has the table of them. Each has a reader and a writer here, and `config[:server_port]` too. A
  # value that cannot be is refused when it is given, or, where a file or the environment gives it, when it is read.
  #
  # What gives a value, the first counts: a command-line flag, the environment (`ATR_SERVER_PORT`, `REDIS_URL`),
  # {Atr.configure}, `config/atr.yml`, the default.
  #
  # @example
  #   Atr.configure do |config|
  #     config.authenticate_with = "WebsocketAuthenticator"
  #     config.allowed_origins = ["https://*.example.com"]
  #   end
  class Config
    # What the token for the admin port is derived from, besides the secret.
    TOKEN_PURPOSE = "atr admin token"
    # Where a value may come from; the first counts.
    SOURCES = %i[flag environment configure file].freeze
    NOWHERE = [nil, nil].freeze
    private_constant :NOWHERE

    # @param environment [Hash{String => String}]
    def initialize(environment: ENV)
      @environment = environment
      @values = { flag: {}, configure: {}, file: {} }
      @file = nil
    end

    # Says how much of the log of some scopes is kept, or, called bare, answers what was said so of all kinds of scopes.
    #
    # @example
    #   config.log_for("organization.*", size: 1000, ttl: 60)
    # @param scopes [String, nil] a scope, or the beginning of scopes with `.*` in place of the rest; where several fit, the
    #   longest counts
    # @param size [Integer, nil] events, 0 for no log; nil for `log_size`
    # @param ttl [Float, nil] seconds after the last event; nil for `log_ttl_seconds`
    # @return [Hash{String => Hash{Symbol => Numeric}}]
    # @raise [ConfigurationError]
    def log_for(scopes = nil, size: nil, ttl: nil)
      return self[:log_for] if scopes.nil?

      self[:log_for] = @values[:configure].fetch(:log_for, {}).merge(scopes => { size:, ttl: }.compact)
    end

    Settings::ALL.each_value do |setting|
      [setting.name, setting.alias_name].compact.each do |name|
        define_method(name) { self[setting.name] } unless method_defined?(name)
        define_method("#{name}=") { |value| self[setting.name] = value }
      end
    end

    # @param name [Symbol, String]
    # @return [Object] the value in force
    # @raise [ConfigurationError] when there is no such setting, or its value cannot be
    def [](name)
      setting = Settings.find(name)
      source, given = given(setting)
      value = setting.cast(given, describe(setting, source)) if source
      value.nil? && (source.nil? || setting.derived?) ? setting.default(self) : value
    end

    # @param name [Symbol, String]
    # @raise [ConfigurationError] when there is no such setting, the value cannot be, or a server has started
    def []=(name, value)
      assign(:configure, name, value)
    end

    # @api private
    # @return [Hash{Symbol => Object}] what native code needs to know of the logs
    def log_options
      { log_size:, log_ttl_seconds:, log_for: LogKinds.list(self) }
    end

    # Gives a value that nothing else overrides: a command-line flag's.
    #
    # @param name [Symbol, String]
    # @param value [Object] a String will do for any type
    # @raise [ConfigurationError]
    def override(name, value)
      assign(:flag, name, value)
    end

    # @param overrides [Hash{Symbol => Object}] values by name
    # @return [Config] a copy in which these values count
    # @raise [ConfigurationError]
    def with(**overrides)
      dup.tap { |copy| overrides.each { |name, value| copy.override(name, value) } }
    end

    # Takes the settings of a file, in place of those of the file before.
    #
    # @param path [String, Pathname]
    # @param environment [String] the section to read, besides `shared`
    # @raise [ConfigurationError]
    def load_file(path, environment: Atr.environment)
      changeable!
      @values[:file] = SettingsFile.new(path, environment:).read
      @file = path.to_s
    end

    # @return [Symbol] where the value comes from: one of {SOURCES}, or `:default`
    def source(name)
      given(Settings.find(name)).first || :default
    end

    # @return [Boolean] whether anything but a default gives the setting a value
    def set?(name)
      !given(Settings.find(name)).last.nil?
    end

    # @return [Boolean]
    def authenticate?
      set?(:authenticate_with)
    end

    # @return [Boolean]
    def scope?
      set?(:scope_with)
    end

    # @return [Boolean]
    def event_serializer?
      set?(:event_serializer)
    end
    alias serialize_events_with? event_serializer?

    # The classes are looked up by name at each call, because code reloading replaces them.
    #
    # @return [Class, nil] nil when none is configured
    # @raise [ConfigurationError] when there is no class of that name
    def authenticator_class
      resolve(:authenticate_with)
    end

    # (see #authenticator_class)
    def scope_class
      resolve(:scope_with)
    end

    # (see #authenticator_class)
    def serializer_class
      resolve(:event_serializer)
    end

    # @return [String] what publishers show to the admin port, in hexadecimal digits; the same in every process of an app
    # @raise [ConfigurationError] when there is no secret to derive it from
    def admin_token
      key = secret || RailsApp.secret
      return OpenSSL::HMAC.hexdigest("SHA256", key, TOKEN_PURPOSE) if key

      raise ConfigurationError, "the memory broker needs a secret that the app's processes share: set Rails' secret_key_base, " \
                                "or add `config.secret = ENV.fetch(\"ATR_SECRET\")` to Atr.configure"
    end

    # @return [void]
    # @raise [ConfigurationError] that names the setting, its value and what is expected
    def validate!
      Settings::ALL.each_key { |name| self[name] }
      warn_of_strangers
      fit_events(:outbox_bytes, "the outbox of a connection")
      fit_events(:publisher_queue_bytes, "the publisher's queue")
    end

    # From now on no setting changes.
    def freeze
      @values.each_value(&:freeze)
      @values.freeze
      super
    end

    # Shows no values: one of them is a secret.
    def inspect
      "#<#{self.class}>"
    end

    private

    def initialize_copy(original)
      super
      @values = @values.transform_values(&:dup)
    end

    def assign(source, name, value)
      changeable!
      setting = Settings.find(name)
      setting.cast(value, describe(setting, source)) unless value.nil?
      @values[source][setting.name] = value
    end

    def changeable!
      raise ConfigurationError, "the settings cannot change any more: a server has started with them" if frozen?
    end

    def fit_events(name, place)
      return if max_event_bytes <= self[name]

      raise ConfigurationError, "max_event_bytes is #{max_event_bytes}, but it must be at most #{name} (#{self[name]}): " \
                                "an event has to fit into #{place}"
    end

    # They are not refused, as a file's would be: another program may call its variables so.
    def warn_of_strangers
      Settings.strangers(@environment).each do |stranger|
        Logging.once(:stranger, stranger) { Atr.logger.warn { "atr: the environment has #{stranger}, which is no setting" } }
      end
    end

    # @return [Array(Symbol, Object)] where the value comes from, and the value; nil and nil when nothing gives one
    def given(setting)
      name = setting.name
      if @values[:flag].key?(name) then [:flag, @values[:flag][name]]
      elsif (variable = variable(setting)) then [:environment, @environment[variable]]
      elsif @values[:configure].key?(name) then [:configure, @values[:configure][name]]
      elsif @values[:file].key?(name) then [:file, @values[:file][name]]
      else
        NOWHERE
      end
    end

    # @return [String, nil] the first of the environment's that has a value for the setting
    def variable(setting)
      setting.environment_names.find { |name| !@environment[name].to_s.empty? }
    end

    # For messages.
    def describe(setting, source)
      case source
      when :flag then "--#{setting.name}"
      when :environment then variable(setting)
      when :file then @file
      else "Atr.configure"
      end
    end

    # A class is looked up by its name too: the one that the initializer saw may have been reloaded since.
    def resolve(name)
      value = self[name]
      return value if value.nil? || (value.is_a?(Class) && value.name.nil?)

      found = value.to_s.safe_constantize || value
      return found if found.is_a?(Class)

      raise ConfigurationError, "#{name} is #{value}, but there is no class of that name"
    end

    # `config.sever_port = 1` says what may be meant, as an unknown key of the file does.
    def method_missing(name, *)
      name.end_with?("=") ? Settings.find(name.to_s.chomp("=")) : super
    end

    def respond_to_missing?(*)
      false
    end
  end
end
