# frozen_string_literal: true

require "bundler"
require "rbconfig"
require "tmpdir"

namespace :gem do
  desc "Build the gem into pkg/"
  task :build do
    mkdir_p "pkg", verbose: false
    sh RbConfig.ruby, "-S", "gem", "build", "--strict", "atr.gemspec", "--output", "pkg/atr.gem"
  end

  desc "Install the built gem into an empty GEM_HOME, as RubyGems does it, and run it from there"
  task smoke: :build do
    Dir.mktmpdir("atr-smoke") do |home|
      # Only the dependencies come from outside: nothing of this checkout, nor Bundler's view of it.
      environment = { "GEM_HOME" => home, "GEM_PATH" => [home, *Gem.path].join(":"), "RUBYOPT" => nil, "RUBYLIB" => nil }
      ruby = lambda do |*arguments|
        Bundler.with_unbundled_env { sh(environment, RbConfig.ruby, *arguments, chdir: home) }
      end
      ruby.call("-S", "gem", "install", "--local", "--no-document", File.expand_path("pkg/atr.gem"))
      ruby.call(File.join(home, "bin", "atr_server"), "version")
      ruby.call(File.expand_path("spec/support/smoke.rb"), home)
    end
  end
end
