# frozen_string_literal: true

require "rbconfig"
require_relative "errors"

module Atr
  # Finds the native library's file.
  #
  # @api private
  module NativeLibrary
    EXTENSION = RbConfig::CONFIG.fetch("DLEXT")
    # The Ruby version that a compiled library belongs to.
    ABI = RUBY_VERSION[/\A\d+\.\d+/]
    # A precompiled gem has one library for each Ruby. RubyGems 3.4.6 and later build `atr/atr`, earlier ones `atr`, whose
    # extension has to be spelt out because `require "atr"` is this gem.
    NAMES = ["atr/#{ABI}/atr.#{EXTENSION}", "atr/atr.#{EXTENSION}", "atr.#{EXTENSION}"].freeze
    LIB = File.expand_path("..", __dir__)

    module_function

    # @param directories [Array<String>] where to look, in this order
    # @return [String] an absolute path
    # @raise [Error] that says how to build the library
    def path(directories = [LIB, *$LOAD_PATH])
      candidates = NAMES.flat_map { |name| directories.map { |directory| File.expand_path(name, directory.to_s) } }
      candidates.find { |candidate| File.file?(candidate) } ||
        raise(Error, "atr's native library is not built. In a checkout of atr run `bundle exec rake compile`; " \
                     "an installed gem is built again by `gem pristine atr`.")
    end
  end
end
