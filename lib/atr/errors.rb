# frozen_string_literal: true

module Atr
  # What atr raises. The native library raises these classes too, so they are defined before it is loaded.
  class Error < StandardError; end

  # The name that the original gem gave to it.
  AtrError = Error

  # A setting that cannot be: the message names it, its value and what is expected.
  class ConfigurationError < Error; end

  # An event that was not published.
  class PublishError < Error; end

  # A server that could not start, or failed.
  class ServerError < Error; end

  # Something of the parent's was used in a forked child.
  class ForkError < Error; end
end
