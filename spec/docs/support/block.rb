# frozen_string_literal: true

module Docs
  # One fenced block of a document. It counts as run when what runs it says so.
  class Block
    # Languages of which nothing may stand in a document that nobody has run.
    RUNNABLE = %w[ruby sh javascript yaml].freeze
    # What only shows something.
    SHOWN = ["", "json"].freeze
    # A block that is a file of the app names it in its first line.
    PATH = %r{\A# (Gemfile|[\w/]+\.(?:rb|yml))$}

    attr_reader :document, :line, :language, :code, :section, :excuse

    # @param document [String] its path
    # @param line [Integer] of the fence
    # @param section [String] the heading above it
    # @param excuse [String, nil] why it is not run, as the marker above it says
    def initialize(document:, line:, language:, code:, section:, excuse: nil) # rubocop:disable Metrics/ParameterLists -- all that a block is
      @document = document
      @line = line
      @language = language
      @code = code
      @section = section
      @excuse = excuse
    end

    # @return [String, nil] of the file that it is
    def path
      code[PATH, 1]
    end

    def runnable?
      RUNNABLE.include?(language)
    end

    def run?
      @run
    end

    def run!
      @run = true
    end

    def to_s
      "#{document}:#{line} (#{language}, #{code.lines.first&.chomp})"
    end
    alias inspect to_s
  end
end
