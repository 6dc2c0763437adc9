# frozen_string_literal: true

require_relative "gatekeeper"
require_relative "server/boot_notes"
require_relative "server/class_check"
require_relative "server/native_options"
require_relative "worker_pool"

module Atr
  # A running server: the native one with its sockets, and the Ruby threads that ask the app's classes who may come in.
  # Several can run in one process. In a forked child every method raises {ForkError}: the server is the parent's.
  #
  # @example
  #   server = Atr::Server.start(port: 0)
  #   server.port # => 40213
  #   server.stop
  class Server
    # These two settings have shorter names here.
    SHORT_NAMES = { host: :server_host, port: :server_port }.freeze
    # How long threads that have nothing left to do may take to end, when clients have taken all the time there was.
    GRACE_SECONDS = 1.0

    @running = []
    @lock = Mutex.new

    class << self
      # Starts a server and returns at once. It runs until {#stop}, or until the process ends: then clients are told.
      #
      # @param options [Hash{Symbol => Object}] settings for this server only, by their names; `host` and `port` are
      #   `server_host` and `server_port`, and a port of 0 is any free one
      # @return [Server]
      # @raise [ConfigurationError] for a setting that cannot be
      # @raise [ServerError] when a port is taken
      def start(**options)
        if defined?(Railtie) && Railtie.unprepared?
          raise ServerError, "the Rails app is still booting, so that its settings are not known yet: start the server in " \
                             "`config.after_initialize { Atr::Server.start }`"
        end

        config = Atr.config.with(**options.transform_keys { |name| SHORT_NAMES.fetch(name, name) })
        new(config.freeze).tap do |server|
          Atr.config.freeze
          remember(server)
        end
      end

      # @api private
      def forget(server)
        @lock.synchronize { @running.delete(server) }
      end

      # @api private
      # @return [String, nil] where this process's publisher finds another memory broker of this process
      def newest_admin_url(except:)
        (@lock.synchronize { @running.dup } - [except]).select(&:owned?).filter_map(&:directs_publisher).last
      end

      private

      def remember(server)
        @lock.synchronize do
          @at_exit ||= stop_all_at_exit
          @running << server
        end
      end

      # The block keeps what its method knows: here no server, which could never be collected.
      def stop_all_at_exit
        at_exit { stop_all }
      end

      # A forked child inherits the list, but no server.
      def stop_all
        @lock.synchronize { @running.dup }.select(&:owned?).each(&:stop)
      end
    end

    # @return [Config] the settings of this server
    attr_reader :config

    # @api private
    # @param config [Config]
    # @param logger [Logger]
    # @param native [#start] what makes the native server
    def initialize(config, logger: Logging.logger(config), native: Native::Server)
      @config = config
      @logger = logger
      @pid = Process.pid
      @lock = Mutex.new
      @changed = ConditionVariable.new
      check
      gatekeeper = Gatekeeper.new(config, logger:, development: Atr.environment == "development")
      @native = native.start(NativeOptions.from(config, debug_log: logger.debug?))
      @log_pump = LogPump.new(@native, logger)
      @workers = WorkerPool.new(@native, gatekeeper, size: config.gate_threads, logger:) { out_of_jobs }
      direct_publisher
      announce
    end

    # @return [String] as configured
    def host
      config.server_host
    end

    # @return [Integer] the one it listens on
    def port
      native.port
    end

    # @return [Integer, nil] nil when there is no admin listener
    def admin_port
      native.admin_port
    end

    # @return [Boolean]
    def running?
      native.stopped.nil?
    end

    # @return [Hash{Symbol => Integer, String}] counts since the start
    def stats
      native.stats
    end

    # Stops accepting, tells every client (close 1012) and ends every thread. A second call, from any thread, waits for the
    # end of the first. In a signal handler it does not wait: see {#wait}.
    #
    # @param timeout [Float] seconds that clients and the app's code have to finish
    # @return [Boolean, nil] whether all did; false when some had to be cut off; nil in a signal handler
    def stop(timeout: config.shutdown_timeout_seconds)
      native
      # The helper is waited for in Ruby: a main thread that parks in native code may miss a signal.
      stopper(timeout)&.value
    end

    # Waits until the server has stopped.
    #
    # @param timeout [Float, nil] seconds; nil for as long as it takes
    # @return [Boolean] whether it has
    # @raise [ServerError] when it stopped by a failure of its own
    def wait(timeout = nil)
      native
      stopped = @lock.synchronize { wait_for_change(timeout) }
      raise ServerError, "the server failed: #{native.stopped}" if stopped && failed?

      stopped
    end

    # @api private
    # @return [String, nil] its admin URL, if publishers of this process find the memory broker there
    attr_reader :directs_publisher

    # @api private
    # @return [Boolean] whether it was started by this process
    def owned?
      @pid == Process.pid
    end

    # @return [String]
    def inspect
      owned? ? "#<#{self.class} #{authority(host, port)}#{" (stopped)" unless running?}>" : "#<#{self.class} of process #{@pid}>"
    end

    private

    # What is wrong is said at the start, not to the first client.
    def check
      config.validate!
      ClassCheck.call(config)
    end

    def native
      raise ForkError, "this server runs in process #{@pid}; a forked child can publish, but start a server of its own" unless owned?

      @native
    end

    def failed?
      !native.stopped.to_s.empty?
    end

    def wait_for_change(timeout)
      deadline = timeout && (now + timeout)
      until @stopped
        left = deadline && (deadline - now)
        return false if left && left <= 0

        @changed.wait(@lock, left)
      end
      true
    end

    # The workers have noticed that no more jobs will come: by {#stop}, or because the native server failed and the rest must end too.
    def out_of_jobs
      return unless failed?

      @logger.error { "atr: the server failed: #{native.stopped}" }
      stopper(config.shutdown_timeout_seconds)
    end

    # @return [Thread, nil]
    def stopper(timeout)
      @lock.synchronize do
        @stopper ||= Thread.new do
          Thread.current.name = "atr.stop"
          shut_down(timeout)
        end
      end
    rescue ThreadError
      # In a signal handler no lock can be taken. Nor must it wait: the thread it interrupts may hold what stopping needs.
      Thread.new { stopper(timeout) }
      nil
    end

    def shut_down(timeout)
      deadline = now + timeout
      release_publisher
      clean = @native.stop(timeout)
      clean = @workers.stop([deadline - now, GRACE_SECONDS].max) && clean
      @log_pump.stop(GRACE_SECONDS)
      clean
    ensure
      finished(clean)
    end

    def finished(clean)
      self.class.forget(self)
      @logger.info { "atr: stopped#{", having cut off what did not end in time" unless clean}" }
      @lock.synchronize do
        @stopped = true
        @changed.broadcast
      end
    end

    # In memory mode this process's own publisher sends to this server, wherever it listens.
    def direct_publisher
      return unless config.broker == "memory" && config.admin_host && !config.set?(:admin_url)

      @directs_publisher = Publisher.admin_url = "http://#{authority(config.admin_host, admin_port)}"
    end

    # What it has sent comes to the clients before they are told to go.
    def release_publisher
      return unless @directs_publisher && Publisher.admin_url == @directs_publisher

      Atr.flush
      Publisher.admin_url = self.class.newest_admin_url(except: self)
    end

    def announce
      admin = ", admin on #{authority(config.admin_host, admin_port)}" if admin_port
      @logger.info { "atr: listening on #{authority(host, port)}#{admin}, broker #{config.broker}, version #{VERSION}" }
      BootNotes.new(config, logger: @logger, production: Atr.production?).log
    end

    def authority(host, port)
      host.include?(":") ? "[#{host}]:#{port}" : "#{host}:#{port}"
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
