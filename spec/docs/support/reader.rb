# frozen_string_literal: true

require "support/chromium"
require_relative "reader_app"

module Docs
  # What the specs of a document have: the document, an app in which they do what it says, browsers and clients. They run in
  # the document's order, as a reader does.
  module Reader
    def self.included(group)
      group.extend(ClassMethods)
    end

    module ClassMethods
      # Once, in the outermost group.
      # @param path [String] of the document
      def reads(path)
        document = Document.new(path)
        define_method(:document) { document }
        before(:context) { @app = ReaderApp.new }
        after(:context) { @app&.close }
        after { clients.each(&:disconnect) }
      end

      # In a group of its own for each section: the app is as a reader has it who has followed the document until there.
      # @param section [String] a heading
      # @param variables [Hash{Symbol => String}] of the environment
      def follows(section, **variables)
        let(:section) { section }
        before(:context) do
          app.begin_anew(**variables)
          app.follow(document.until(section))
        end
      end

      # To be called last.
      def runs_every_block
        it "has no block that is not run, but those that say why" do
          skip "only a part of the examples is run" unless whole_file_runs?

          expect(document.forgotten).to eq []
          run, excused, runnable = %i[run? excuse runnable?].map { |what| document.blocks.count(&what) }
          expect(run + excused).to eq(runnable), "#{run} are run and #{excused} excused, of #{runnable}: one that is run needs no excuse"
          expect(run).to be_positive
        end
      end
    end

    attr_reader :app

    # @return [Block] the one of the section that is being read
    def block(*texts)
      document.block(*texts, section: section)
    end

    def console
      app.console
    end

    # @return [Chromium::Page] of the app's host, as far as a browser can tell; it has what a page of the app would have
    def open_page(browser, host: "localhost")
      browser.new_page.tap { |page| page.goto("http://#{host}:#{app.port}/-/health") }
    end

    # @return [Array] what the page has logged, as soon as it is so much
    def wait_for_log(page, size)
      page.wait_for("#{size} lines in the browser's console") { page.evaluate("logged").then { |logged| logged if logged.size >= size } }
    end

    def clients
      @clients ||= []
    end

    # @return [WebSocketClient] that was let in
    def connect(path, port: app.port, **headers)
      WebSocketClient.open(port: port, path: path, headers: headers).tap { |client| clients << client }
    end

    # @return [Integer] the status of the server's answer
    def status(path, port: app.port, **headers)
      WebSocketClient.status(port: port, path: path, headers: headers)
    end

    private

    # A part of the examples cannot have run every block.
    def whole_file_runs?
      groups = self.class.parent_groups.last.descendants
      groups.sum { |group| group.examples.size } == groups.sum { |group| group.filtered_examples.size }
    end
  end
end
