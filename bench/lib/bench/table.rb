# frozen_string_literal: true

module Bench
  # Rows of text, for a terminal or for a document.
  class Table
    # @param head [Array<String>]
    # @param rows [Array<Array<String>>]
    def initialize(head, rows)
      @head = head
      @rows = rows
    end

    # @param markdown [Boolean]
    # @return [String]
    def to_s(markdown: false)
      markdown ? [line(@head), line(@head.map { "---" }), *@rows.map { |row| line(row) }].join("\n") : aligned
    end

    private

    def line(cells)
      "| #{cells.join(" | ")} |"
    end

    def aligned
      all = [@head, *@rows]
      widths = all.transpose.map { |column| column.map(&:length).max }
      lines = all.map { |row| row.zip(widths).map { |cell, width| cell.rjust(width) } }
      # The first column is read, the others are compared.
      lines.each_with_index { |cells, index| cells[0] = all[index][0].ljust(widths[0]) }
      lines.map { |cells| cells.join("  ") }.join("\n")
    end
  end
end
