# frozen_string_literal: true

namespace :js do
  directory = File.expand_path("../js", __dir__)
  # npm notes there what it has installed.
  installed = File.join(directory, "node_modules", ".package-lock.json")
  lock = File.join(directory, "package-lock.json")

  file installed => lock do
    # Nothing of what is installed has to run for that, nor to be told about.
    sh "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", chdir: directory
    touch installed, verbose: false
  end

  desc "Install what the browser client is built and tested with, unless it is there"
  task install: installed

  desc "Build the browser client, for npm into js/dist and for the gem into app/assets"
  task build: :install do
    sh "node", "scripts/build.js", chdir: directory
  end

  desc "Check the client's types, and that app/assets has what its sources give"
  task check: :install do
    sh "npm", "run", "--silent", "--loglevel=error", "check", chdir: directory
    sh "node", "scripts/build.js", "--check", chdir: directory
  end

  desc "Test the client without a browser; spec/e2e/client tests it in one"
  task test: :check do
    sh "node", "scripts/test.js", chdir: directory
  end
end
