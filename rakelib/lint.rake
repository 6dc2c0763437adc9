# frozen_string_literal: true

require "rbconfig"

desc "Check the form of all Rust and Ruby files"
task lint: %w[lint:rust lint:ruby]

namespace :lint do
  desc "rustfmt, and clippy with every warning an error"
  task :rust do
    sh "cargo", "fmt", "--all", "--check"
    sh "cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"
  end

  desc "rubocop"
  task :ruby do
    sh RbConfig.ruby, "-S", "rubocop", "--format", "simple", "--no-server"
  end
end

namespace :cargo do
  desc "Test the Rust crates that need no Ruby"
  task :test do
    sh "cargo", "test", "--locked", "-p", "atr_core"
  end
end
