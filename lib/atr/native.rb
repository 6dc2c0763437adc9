# frozen_string_literal: true

require_relative "native_library"

module Atr
  # The native library: `Native::Server` and `Native::Publisher`. It is loaded when one of them is first used, so that an
  # app's tests, its rake tasks and whoever only reads settings do without it.
  module Native
    # An error of a broken library (another Ruby's, a missing symbol) is let through: it says more than we could.
    require NativeLibrary.path
  end
end
