# frozen_string_literal: true

class Chromium
  # One page: goes places, clicks and types as a person does (real mouse and key events), reads by JavaScript.
  class Page
    POLL_SECONDS = 0.05

    # What the page's JavaScript threw and nobody caught; what it said with `console`; the texts of its alert() and confirm().
    # @return [Array<String>]
    attr_reader :errors, :console, :dialogs

    # Made by {Chromium#new_page}.
    def initialize(connection, session, width:, height:)
      @connection = connection
      @session = session
      @errors = []
      @console = []
      @dialogs = []
      %w[Page.enable Runtime.enable].each { |method| call(method) }
      # Every page is the focused one, as if each had a screen to itself: keys and timers work in all of them.
      call("Emulation.setFocusEmulationEnabled", { enabled: true })
      resize(width, height)
    end

    # Sends any command of the protocol to this page.
    # @return [Hash] its result
    def call(method, params = {})
      @connection.call(method, params, session: @session)
    end

    # Opens an address and waits until its document and scripts are loaded.
    # @raise [Error] if it cannot be reached
    def goto(url)
      result = call("Page.navigate", { url: url })
      raise Error, "#{url}: #{result["errorText"]}" if result["errorText"]

      wait_until_loaded
    end

    # Opens a document that is given as text. Its origin is none: no cookies, `Origin: null`.
    def content(html)
      call("Page.setDocumentContent", { frameId: call("Page.getFrameTree").dig("frameTree", "frame", "id"), html: html })
      wait_until_loaded
    end

    # @param javascript [String] an expression; a promise is waited for
    # @return [Object] its value (anything JSON has)
    # @raise [Error] with the message of what it threw
    def evaluate(javascript)
      answer = call("Runtime.evaluate", { expression: javascript, returnByValue: true, awaitPromise: true, userGesture: true })
      raise Error, "#{description(answer["exceptionDetails"])} in #{javascript}" if answer["exceptionDetails"]

      answer.dig("result", "value")
    end

    # Calls the block until what it gives is true.
    # @return [Object] what it gave
    # @raise [Deadline::Missed] naming what did not come
    def wait_for(what, seconds: Deadline::DEFAULT_SECONDS)
      deadline = Deadline.new(seconds)
      loop do
        result = yield
        return result if result

        deadline.missed!(what) if deadline.passed?
        @connection.listen(POLL_SECONDS)
      end
    end

    # Waits for the element, scrolls to it and clicks its middle with the mouse.
    # @param selector [String] a CSS selector
    # @raise [Deadline::Missed] if there is none that can be clicked: not shown, disabled, or covered by another
    def click(selector)
      x, y = wait_for("something to click at #{selector}") { evaluate("(#{CLICK_POINT})(#{selector.to_json})") }
      call("Input.dispatchMouseEvent", { type: "mouseMoved", x: x, y: y })
      %w[mousePressed mouseReleased].each do |type|
        call("Input.dispatchMouseEvent", { type: type, x: x, y: y, button: "left", clickCount: 1 })
      end
    end

    # Clicks a field, selects what it has and types over it, key by key.
    def type(selector, text)
      click(selector)
      key("keyDown", key: "a", modifiers: 2, commands: ["selectAll"])
      key("keyUp", key: "a", modifiers: 2)
      text.each_char do |char|
        key("keyDown", key: char, text: char)
        key("keyUp", key: char)
      end
    end

    # @param width [Integer] pixels of the view, as is height
    # @param dark [Boolean] whether the person prefers dark colours
    def resize(width, height, dark: false)
      call("Emulation.setDeviceMetricsOverride", { width: width, height: height, deviceScaleFactor: 1, mobile: false })
      call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] })
    end

    # Writes a PNG of what the window shows.
    # @return [String] the path
    def screenshot(path)
      File.binwrite(path, call("Page.captureScreenshot", { format: "png" })["data"].unpack1("m"))
      path
    end

    # Called by {Chromium} with each event of this page.
    def receive(event)
      params = event["params"]
      case event["method"]
      when "Runtime.exceptionThrown" then errors << description(params["exceptionDetails"])
      when "Runtime.consoleAPICalled" then console << params["args"].map { |arg| arg["value"] || arg["description"] }.join(" ")
      when "Page.javascriptDialogOpening"
        dialogs << params["message"]
        # An open alert() stops all JavaScript of its page: say OK to it at once.
        @connection.post("Page.handleJavaScriptDialog", { accept: true }, session: @session)
      end
    end

    # The middle of an element that a mouse can reach, or null.
    CLICK_POINT = <<~JAVASCRIPT
      (selector) => {
        const element = document.querySelector(selector)
        if (!element || element.disabled) return null
        element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" })
        const box = element.getBoundingClientRect()
        const point = [box.x + box.width / 2, box.y + box.height / 2]
        return element.contains(document.elementFromPoint(...point)) ? point : null
      }
    JAVASCRIPT
    private_constant :CLICK_POINT

    private

    def key(type, params)
      call("Input.dispatchKeyEvent", params.merge(type: type))
    end

    def wait_until_loaded
      wait_for("the page's load") { evaluate("document.readyState") == "complete" }
    end

    def description(details)
      details.dig("exception", "description") || details.dig("exception", "value")&.to_s || details["text"]
    end
  end
end
