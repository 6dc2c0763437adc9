# frozen_string_literal: true

module Demo
  ROOT = File.expand_path("../..", __dir__)

  # What went wrong, in words for the person who started the demo.
  class Failure < StandardError; end
end
