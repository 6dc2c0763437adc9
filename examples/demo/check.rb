# frozen_string_literal: true

require "fileutils"
require_relative "../../spec/support/chromium"
require_relative "failure"

module Demo
  # Does what a person would: opens two organizations in two browsers, changes posts with mouse and keyboard, and looks
  # whether each event shows where it should, and nowhere else.
  class Check
    # Something that a page did not show, or should not have shown.
    class Missing < StandardError; end

    # An event is there within milliseconds; the rest is for a machine that is busy.
    SECONDS = 15
    # How long after the last event one that has lost its way might still come.
    QUIET_SECONDS = 0.5

    # What a page shows: its organization, and the events in its feed, oldest first.
    Window = Struct.new(:page, :organization, :expected) do
      def events
        page.evaluate(<<~JAVASCRIPT)
          [...document.querySelectorAll("[data-event]")].reverse()
            .map((event) => `${event.dataset.event} "${event.querySelector("[data-title]").textContent}"`)
        JAVASCRIPT
      end

      def titles
        page.evaluate('[...document.querySelectorAll("#posts [data-title]")].map((title) => title.textContent)')
      end
    end

    # @param url [URI::HTTP] of the Rails app
    # @param screenshot [String] path of the PNG to write
    # @param group [Integer] process group for the browser
    def initialize(url, screenshot:, group:, out:)
      @url = url
      @screenshot = screenshot
      @group = group
      @out = out
      @windows = []
    end

    # @raise [Missing] naming the first thing that is not as it should be
    def run
      Chromium.open(pgroup: @group) do |browser|
        visit(browser)
        take_screenshot
      rescue Missing, Chromium::Error, Deadline::Missed
        show_failure
        raise
      end
      ok "all of it"
    rescue Chromium::Error, Deadline::Missed => e
      raise Missing, e.message
    end

    private

    def visit(browser)
      2.times { |index| enter(browser, index) }
      check_events
      check_refusal
      check_quiet
    end

    # In the order that makes each event of the one organization come before a later one of the other: what has lost its
    # way shows at the latest then. What looks like HTML is to stay the text that it is.
    def check_events
      ours, theirs = @windows
      create(ours, "Fish & <b>chips</b>", "Typed by a machine.")
      create(theirs, "Somebody else's post", "Not for everybody.")
      edit(ours, "Fish & <b>chips</b>", "Fish & <b>salad</b>")
      delete(ours, "Fish & <b>salad</b>")
      delete(theirs, "Somebody else's post")
    end

    def enter(browser, index)
      window = Window.new(browser.new_page, "organization #{index + 1}", [])
      @windows << window
      page = window.page
      page.goto(@url.to_s)
      organization = ".organizations > :nth-child(#{index + 1})"
      window.organization = page.evaluate("document.querySelector(#{"#{organization} h2".to_json})?.textContent") ||
                            raise(Missing, "#{@url} offers no #{window.organization}")
      page.click("#{organization} button")
      page.wait_for("the live connection of #{window.organization}", seconds: SECONDS) do
        page.evaluate('document.querySelector("#connection")?.dataset.state') == "open"
      end
      ok "#{window.organization} is live"
    end

    def create(window, title, body)
      window.page.type("#new_title", title)
      window.page.type("#new_body", body)
      window.page.click("#new_post .primary")
      expect(window, "post.created", title)
      raise Missing, "the list of #{window.organization} lacks #{title.inspect}" unless window.titles.include?(title)
    end

    def edit(window, title, new_title)
      open_dialog(window, title, "edit")
      window.page.type("#edit_title", new_title)
      window.page.click("#edit_post .primary")
      expect(window, "post.updated", new_title)
      return if window.titles.include?(new_title) && !window.titles.include?(title)

      raise Missing, "the list of #{window.organization} does not say #{new_title.inspect}"
    end

    def delete(window, title)
      open_dialog(window, title, "delete")
      window.page.click("#delete_post .danger")
      expect(window, "post.destroyed", title)
      raise Missing, "the list of #{window.organization} still has #{title.inspect}" if window.titles.include?(title)
    end

    def open_dialog(window, title, action)
      id = window.page.evaluate(<<~JAVASCRIPT)
        [...document.querySelectorAll("#posts .post")]
          .find((post) => post.querySelector("[data-title]").textContent === #{title.to_json})?.id
      JAVASCRIPT
      raise Missing, "#{window.organization} shows no post #{title.inspect}" unless id

      window.page.click("##{id} [data-#{action}]")
    end

    # Waits for one more event in the window's feed; any other event in any feed is one too many.
    def expect(window, name, title)
      window.expected << "#{name} #{title.inspect}"
      window.page.wait_for("#{window.expected.last} in the feed of #{window.organization}", seconds: SECONDS) do
        check_strays
        window.events == window.expected
      end
      ok "#{window.organization} shows #{window.expected.last}"
    end

    def check_strays
      @windows.each do |window|
        events = window.events
        next if window.expected.first(events.size) == events

        stray = events.zip(window.expected).find { |event, expected| event != expected }.first
        raise Missing, "#{window.organization} shows #{stray}, which did not happen there"
      end
    end

    # One who has not entered an organization is not let in, whatever the page asks for.
    def check_refusal
      ours, theirs = @windows
      address = theirs.page.evaluate('document.querySelector("#blog").dataset.websocket')
      outcome = ours.page.evaluate(<<~JAVASCRIPT)
        new Promise((resolve) => {
          const socket = new WebSocket(#{address.to_json})
          socket.onopen = () => resolve("open")
          socket.onclose = () => resolve("refused")
        })
      JAVASCRIPT
      raise Missing, "a member of #{ours.organization} can listen to #{theirs.organization}" unless outcome == "refused"

      ok "a member of #{ours.organization} is refused at #{address}"
    end

    def check_quiet
      sleep QUIET_SECONDS
      check_strays
      @windows.each do |window|
        raise Missing, "the page of #{window.organization} raised #{window.page.errors.first}" if window.page.errors.any?
      end
      ok "neither shows an event of the other"
    end

    def take_screenshot
      FileUtils.mkdir_p(File.dirname(@screenshot))
      page = @windows.first.page
      page.evaluate("scrollTo(0, 0)")
      @out.puts "check: screenshot #{page.screenshot(@screenshot)}"
    end

    # What the page shows now may say why. Where the browser itself is the matter there is nothing to see.
    def show_failure
      take_screenshot if @windows.any?
    rescue Chromium::Error
      nil
    end

    def ok(what)
      @out.puts "check: ok, #{what}"
    end
  end
end
