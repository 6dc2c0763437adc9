# frozen_string_literal: true

require_relative "bounds"
require_relative "kinds"
require_relative "machine"
require_relative "publishing"
require_relative "table"

module Bench
  # Makes tables of what was measured.
  class Report
    # Title, figure, digits, whether the ratio to the floor stands beside it.
    COLUMNS = [
      ["CPU µs a delivery", :cpu_one, 2, true],
      ["in bursts of 32", :cpu_burst, 3, true],
      ["p50 ms", :p50_one, 2, true],
      ["p99 ms", :p99_one, 2, true],
      ["burst p50 ms", :p50_burst, 2, true],
      ["CPU µs an accept", :cpu_per_accept, 1, true],
      ["KiB idle", :rss_idle, 2, false],
      ["after a burst", :rss_after_burst, 2, false],
      ["after 20 kB", :rss_after_message, 2, false]
    ].freeze
    PUBLISH = { "atr" => "Atr.publish_event", "cable" => "ActionCable.server.broadcast" }.freeze

    # @param samples [Samples]
    # @param options [Options]
    # @param load_average [Float] when the run began
    def initialize(samples, options, load_average:)
      @samples = samples
      @kinds = options.kinds
      @sizes = options.sizes
      @rounds = options.rounds
      @markdown = options.markdown?
      @load_average = load_average
    end

    def to_s
      parts = [conditions, *@sizes.flat_map { |size| of_size(size) }, *publishing, heading("Expected"), bounds, *checks]
      "#{parts.join("\n\n")}\n"
    end

    private

    def conditions
      "#{Machine.description}; load average at the start #{@load_average}#{" (NOT QUIET)" if @load_average > 0.5}; " \
        "medians of #{@rounds} rounds. In parentheses: times the floor."
    end

    def of_size(size)
      rows = @kinds.map { |kind| [kind.label, *COLUMNS.map { |_, figure, digits, ratio| cell(figure, kind.name, size, digits, ratio) }] }
      [heading("#{size} connections"), table(["server", *COLUMNS.map(&:first)], rows)]
    end

    def cell(figure, name, size, digits, ratio)
      value = @samples.median(figure, name, size)
      return "" if value.nil?

      ratio = (@samples.ratio(figure, name, Bounds::FLOOR, size) if ratio && name != Bounds::FLOOR)
      "#{number(value, digits)}#{" (#{number(ratio, 2)})" if ratio}"
    end

    def publishing
      rows = PUBLISH.filter_map do |name, label|
        figures = %i[publish_wall publish_cpu].map { |figure| @samples.median(figure, name, nil) }
        [label, *figures.map { |value| number(value, 1) }] if figures.all?
      end
      rows.empty? ? [] : [heading("Publishing, in the calling thread"), table(["call", "µs", "CPU µs"], rows)]
    end

    def bounds
      rows = Bounds.new(@samples, @sizes).all.map do |bound|
        limit = "#{bound.least ? ">=" : "<="} #{bound.limit}"
        [bound.what, "#{number(bound.measured, 2)} #{bound.unit}", limit, bound.kept? ? "ok" : "missed"]
      end
      table(%w[figure measured bound verdict], rows)
    end

    # Every frame was checked on every connection; a loss or a duplicate would have ended the run.
    def checks
      bullet = "- " if @markdown
      lines = @kinds.reject(&:accepts_only).map { |kind| "#{bullet}#{check(kind)}" }
      lines.empty? ? [] : [lines.join("\n")]
    end

    def check(kind)
      deliveries, disordered = %i[deliveries disordered].map { |figure| @sizes.sum { |size| @samples.total(figure, kind.name, size) } }
      order = disordered.zero? ? "all in order" : "#{disordered} out of order"
      "#{kind.label}: #{deliveries} deliveries checked, none missing, none twice, #{order}"
    end

    def table(head, rows)
      Table.new(head, rows).to_s(markdown: @markdown)
    end

    def heading(text)
      @markdown ? "### #{text}" : "== #{text}"
    end

    def number(value, digits)
      format("%.#{digits}f", value)
    end
  end
end
