# frozen_string_literal: true

require "optparse"
require_relative "kinds"
require_relative "round"

module Bench
  # The command line of bench/fanout.
  class Options
    FULL = Round::Plan.new(blocks: 3, seconds: 0.6, messages: 200, bursts: 60).freeze
    QUICK = Round::Plan.new(blocks: 2, seconds: 0.3, messages: 60, bursts: 20).freeze

    attr_reader :rounds, :sizes, :plan

    def initialize(argv)
      @rounds = 5
      @sizes = [1000, 5000]
      @names = Kinds::ALL.keys
      @plan = FULL
      @markdown = false
      @build = @publishing = true
      rest = parser.parse(argv)
      raise OptionParser::InvalidArgument, rest.first if rest.any?
    end

    # @return [Array<Server::Kind>]
    def kinds
      Kinds::ALL.values_at(*@names)
    end

    def markdown?
      @markdown
    end

    def build?
      @build
    end

    def publishing?
      @publishing
    end

    private

    def parser
      OptionParser.new do |options|
        options.banner = "Usage: bench/fanout [options]"
        options.separator "Measures atr beside the floor that the kernel sets, ws on Node.js and Action Cable on Puma."
        options.on("--quick", "about a minute: 500 connections, two rounds; no figures to quote") { quick }
        options.on("--rounds N", Integer, "how often everything is measured (5)") { |count| @rounds = count }
        options.on("--sizes LIST", Array, "numbers of connections (1000,5000)") { |sizes| @sizes = sizes.map { |size| Integer(size) } }
        options.on("--only LIST", Array, "of #{@names.join(",")} and publish") { |names| only(names) }
        options.on("--markdown", "print the tables for docs/performance.md") { @markdown = true }
        options.on("--no-build", "measure the atr that is compiled") { @build = false }
        options.on("-h", "--help", "this text") do
          puts options
          exit
        end
      end
    end

    def quick
      @plan = QUICK
      @rounds = 2
      @sizes = [500]
    end

    def only(names)
      unknown = names - Kinds::ALL.keys - ["publish"]
      raise OptionParser::InvalidArgument, unknown.join(",") if unknown.any?

      @publishing = names.include?("publish")
      @names = names - ["publish"]
    end
  end
end
