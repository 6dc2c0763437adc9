# frozen_string_literal: true

module Docs
  # Compares what a table says of settings with what they are.
  module SettingsTable
    extend RSpec::Matchers::DSL

    def self.included(group)
      # A default may depend on it, and the tables do not speak of tests.
      group.before { allow(Atr).to receive(:environment).and_return("development") }
    end

    # Of a row: the cells of name and default.
    matcher :be_a_setting_with_its_default do
      match do |(name, default)|
        setting = Atr::Config::Settings::ALL[name.delete("`").to_sym]
        @is = setting && SettingsTable.show(Atr::Config.new(environment: {})[setting.name])
        @is == default
      end

      failure_message do |(name, default)|
        "#{name} is said to be #{default} by default, but #{@is ? "it is #{@is}" : "there is no such setting"}"
      end
    end

    # @return [String] a default as a table shows it
    def self.show(value)
      return "none" if value.nil?

      # As Ruby's own style has it: from five digits on.
      value = value.to_s.reverse.scan(/\d{1,3}/).join("_").reverse if value.is_a?(Integer) && value >= 10_000
      "`#{value}`"
    end
  end
end
