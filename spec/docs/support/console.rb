# frozen_string_literal: true

require "support/ruby_process"

module Docs
  # A process of the reader's app in which Ruby can be evaluated, as in `bin/rails console`. A line of a document that ends in
  # `# => 7` claims what it gives; that is held against what it does give.
  class Console
    CLAIM = /\A(?<code>\s*[^#\s].*?)\s*# => (?<expected>.+?)\s*\z/
    CLAIMS = <<~RUBY
      module Claims
        ALL = []

        def self.note(value, expected)
          ALL << [expected, value.inspect]
          value
        end
      end
    RUBY

    # Something is not as a document claims.
    class Wrong < StandardError; end

    # @param directory [String] of the app
    # @param environment [Hash{String => String}] all that there is of it
    def initialize(directory:, environment:)
      nothing_else = ENV.to_h.transform_values { nil }.merge(environment)
      @process = RubyProcess.start("./config/environment", environment: nothing_else, chdir: directory)
      @process.eval(CLAIMS)
    end

    # @param code [String]
    # @return [Object] its value, as JSON has it
    # @raise [RuntimeError] with what it raises
    def evaluate(code)
      @process.eval(code)
    end

    # Runs a block of a document.
    # @param text [String] its code, if that is not just as it stands there
    # @raise [RuntimeError] with what it raises
    # @raise [Wrong] when something in it is not what it is claimed to be
    def run(block, text: block.code)
      evaluate("#{text.lines.map { |line| instrument(line) }.join}\nnil")
      evaluate("Claims::ALL.slice!(0..)").each do |expected, actual|
        raise Wrong, "#{block} claims #{expected}, but it is #{actual}" unless expected == actual
      end
      block.run!
    end

    def stop
      @process.stop
    end

    private

    def instrument(line)
      claim = CLAIM.match(line)
      claim ? "Claims.note((#{claim[:code]}), #{claim[:expected].dump})\n" : line
    end
  end
end
