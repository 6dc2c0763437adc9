# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "deadline"
require_relative "chromium/connection"
require_relative "chromium/page"

# A headless Chromium or Chrome, driven over its DevTools protocol by nothing but the standard library.
#
#   Chromium.open do |browser|
#     page = browser.new_page
#     page.goto("http://127.0.0.1:3000/")
#     page.click("button.enter")
#     page.wait_for("the greeting") { page.evaluate("document.querySelector('h1')?.innerText") }
#     page.screenshot("page.png")
#   end
#
# Each page has a profile of its own, so the cookies of one are never those of another. Not safe for several threads.
class Chromium
  class Error < StandardError; end

  NAMES = %w[chromium google-chrome google-chrome-stable chromium-browser chrome].freeze
  APPLICATIONS = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium"
  ].freeze

  # The sandbox needs privileges that root and most containers lack; only pages of this repository are opened.
  # The three throttling switches: a page must go on living while another one has the focus.
  SWITCHES = %w[
    --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars
    --disable-background-timer-throttling --disable-backgrounding-occluded-windows --disable-renderer-backgrounding
  ].freeze

  # @return [String] the path of a browser: `CHROMIUM` of the environment, or the first one found
  # @raise [Error] that says what to install
  def self.executable
    in_path = NAMES.product(ENV.fetch("PATH", "").split(File::PATH_SEPARATOR)).map { |name, directory| File.join(directory, name) }
    [ENV.fetch("CHROMIUM", nil), *in_path, *APPLICATIONS].compact.find { |path| File.file?(path) && File.executable?(path) } ||
      raise(Error, "no Chromium found. Install it (Debian: apt-get install chromium; macOS: brew install --cask google-chrome; " \
                   "else https://www.google.com/chrome/), or set CHROMIUM to the path of one.")
  end

  # Yields a browser and closes it, come what may.
  # @param options [Hash] see {#initialize}
  def self.open(**options)
    browser = new(**options)
    yield browser
  ensure
    browser&.close
  end

  # @param executable [String]
  # @param pgroup [Boolean, Integer] the process group, as for `Process.spawn`; by default one of its own
  def initialize(executable: self.class.executable, pgroup: true)
    @profile = Dir.mktmpdir("atr-chromium-")
    @connection = Connection.new([executable, *SWITCHES, "--user-data-dir=#{@profile}"], pgroup: pgroup)
    @pages = {}
    @connection.on_event { |event| @pages[event["sessionId"]]&.receive(event) }
  rescue SystemCallError => e
    FileUtils.remove_entry(@profile)
    raise Error, "#{executable} did not start: #{e.message}"
  end

  # @return [Page] a blank page in a profile of its own
  def new_page(width: 1280, height: 800)
    context = call("Target.createBrowserContext")["browserContextId"]
    target = call("Target.createTarget", { url: "about:blank", browserContextId: context })["targetId"]
    session = call("Target.attachToTarget", { targetId: target, flatten: true })["sessionId"]
    @pages[session] = Page.new(@connection, session, width: width, height: height)
  end

  # Sends any command of the protocol to the browser.
  # @return [Hash] its result
  def call(method, params = {})
    @connection.call(method, params)
  end

  # Ends the browser and removes its profile. Idempotent.
  def close
    return if @closed

    @closed = true
    @connection.close
    # The last of its processes may still be writing there.
    FileUtils.rm_rf(@profile)
  end
end
