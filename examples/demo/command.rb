# frozen_string_literal: true

require_relative "check"
require_relative "options"
require_relative "stack"

module Demo
  # The command line of `bin/demo`: sets up, starts, waits or checks, and leaves nothing behind.
  class Command
    # @param argv [Array<String>]
    def initialize(argv, out: $stdout, err: $stderr)
      @argv = argv
      @out = out
      @err = err
      [out, err].each { |io| io.sync = true }
    end

    # @return [Integer] exit status: 0 when the check passed, or a person has ended the demo; 1 when something is wrong;
    #   130 when it was interrupted before that
    def run
      options = Options.new(@argv)
      return tell(options.help) && 0 if options.help

      set_up if options.setup?
      serve(options)
    rescue Failure => e
      @err.puts "demo: #{e.message}"
      1
    rescue SignalException
      130
    end

    private

    # Bundler's variables are left out: the example has a Gemfile of its own, and bin/setup has the root's.
    def set_up
      environment = defined?(Bundler) ? Bundler.unbundled_env : ENV.to_h
      setup = [File.join(ROOT, "bin", "setup")]
      gems = ["sh", "-c", "bundle check >/dev/null 2>&1 || bundle install"]
      done = system(environment, *setup, unsetenv_others: true) &&
             system(environment.merge("BUNDLE_GEMFILE" => Stack::GEMFILE), *gems, unsetenv_others: true)
      raise Failure, "the setup failed, see above" unless done
    end

    def serve(options)
      find_browser if options.check?
      stack = Stack.new(options)
      stack.start
      options.check? ? check(stack, options) : attend(stack)
    ensure
      stack&.stop
    end

    # Before anything is started: without one there is nothing to wait for.
    def find_browser
      Chromium.executable
    rescue Chromium::Error => e
      raise Failure, e.message
    end

    def attend(stack)
      tell <<~TEXT

        The demo is ready:  #{stack.url}

        Open it in two windows, one organization in each. Ctrl-C ends it.

      TEXT
      stack.wait
    rescue SignalException
      0
    end

    def check(stack, options)
      Check.new(stack.url, screenshot: options.screenshot, group: stack.group, out: @out).run
      0
    rescue Check::Missing => e
      raise Failure, "check failed: #{e.message}#{stack.output}"
    end

    def tell(text)
      @out.puts text
      true
    end
  end
end
