# frozen_string_literal: true

require_relative "block"

module Docs
  ROOT = File.expand_path("../../..", __dir__)

  # A Markdown file: its code blocks, tables and links.
  class Document
    # With the marker, directly above it, that says why nothing runs it.
    BLOCK = /^(?:<!-- not run:(?<excuse>.*)-->\n)?```(?<language>\S*)\n(?<code>.*?)^```$/m
    HEADING = /^#+ (.+)$/
    LINK = /\[[^\]]*\]\(([^)\s]+)\)/

    class Unreadable < StandardError; end

    # @return [Array<String>] all that the docs' specs answer for, by path
    def self.paths
      ["README.md", *Dir.glob("docs/**/*.md", base: ROOT).sort]
    end

    # @return [String]
    attr_reader :text
    # @return [Array<Block>]
    attr_reader :blocks
    # @return [Array<String>] without their signs
    attr_reader :headings

    # @param path [String] below the repository's root
    # @raise [Unreadable] for a fence without an end, a marker without a reason, and one that marks nothing
    def initialize(path, text: File.read(File.join(ROOT, path)))
      @path = path
      @text = text
      # All is where it was, but for the blocks.
      @prose = text.gsub(BLOCK) { |block| block.gsub(/[^\n]/, " ") }
      @headings = @prose.scan(HEADING).flatten
      @blocks = text.to_enum(:scan, BLOCK).map { make_block(Regexp.last_match) }
      check
    end

    # The one block that has all the texts.
    # @param texts [Array<String>]
    # @param section [String, nil] a heading
    # @return [Block]
    def block(*texts, section: nil)
      found = blocks.select { |block| (section.nil? || block.section == section) && texts.all? { |text| block.code.include?(text) } }
      return found.first if found.size == 1

      raise ArgumentError, "#{found.size} blocks of #{@path} have #{texts.join(" and ")}"
    end

    # @param section [String] a heading
    # @return [Array<Block>] all to the end of the section
    def until(section)
      last = headings.index(section) || raise(ArgumentError, "#{@path} has no section #{section}")
      blocks.select { |block| headings.index(block.section) <= last }
    end

    # @return [Array<Block>] those that should be run, are not excused, and were not run
    def forgotten
      blocks.select { |block| block.runnable? && !block.excuse && !block.run? }
    end

    # @return [Array<Block>] those whose language is neither run nor known to only show something
    def unknown
      blocks.reject { |block| block.runnable? || Block::SHOWN.include?(block.language) }
    end

    # @param heading [String] of the first column
    # @return [Array<Array<String>>] the rows, as cells, of all tables that begin so
    def rows(heading)
      tables = @prose.lines.slice_when { |one, other| one.start_with?("|") != other.start_with?("|") }
      cells = tables.map { |lines| lines.map { |line| line.strip.delete_prefix("|").delete_suffix("|").split("|").map(&:strip) } }
      cells.select { |rows| rows.first.first == heading }.flat_map { |rows| rows.drop(2) }
    end

    # @return [Array<String>] targets of links that do not leave the repository
    def links
      @prose.scan(LINK).flatten.grep_v(/\Ahttps?:/)
    end

    # @return [Array<String>] the names by which links find the headings
    def anchors
      headings.map { |heading| heading.downcase.gsub(/[^\w\- ]/, "").tr(" ", "-") }
    end

    private

    def make_block(match)
      excuse = match[:excuse]&.strip
      raise Unreadable, "#{@path}: a marker gives no reason" if excuse == ""

      Block.new(document: @path, language: match[:language], code: match[:code], excuse: excuse,
                line: match.pre_match.count("\n") + (excuse ? 2 : 1), section: @prose[0...match.begin(0)].scan(HEADING).flatten.last)
    end

    def check
      raise Unreadable, "#{@path}: a block has no end" if @prose.match?(/^```/)
      raise Unreadable, "#{@path}: a marker stands above no block" if @prose.include?("<!-- not run")
    end
  end
end
