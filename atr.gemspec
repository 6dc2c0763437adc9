# frozen_string_literal: true

require_relative "lib/atr/version"

Gem::Specification.new do |spec|
  spec.name = "atr"
  spec.version = Atr::VERSION
  spec.authors = ["atr contributors"]
  spec.summary = "Live events for Rails: from a model to the browser"
  spec.description = <<~TEXT
    A model includes Atr::Publishable; when a record is created, updated or destroyed, a JSON event goes out, and every
    browser that is connected in the right scope has it a few milliseconds later. Ruby where the app's own code runs,
    Rust where the sockets are.
  TEXT
  spec.homepage = "https://github.com/jasonayre/atr"
  spec.license = "MIT"
  spec.required_ruby_version = ">= 3.1"
  # The first RubyGems whose Cargo builder can build the extension.
  spec.required_rubygems_version = ">= 3.3.11"
  spec.metadata = { "rubygems_mfa_required" => "true" }

  # The workspace's Cargo.toml and Cargo.lock ship because RubyGems builds the extension with --locked.
  spec.files = Dir[
    "Cargo.{toml,lock}", "ext/**/*.{lua,rs,toml}", "lib/**/*.rb", "app/assets/**/*.{js,map}", "exe/*",
    "docs/**/*.md", "README.md", "CHANGELOG.md", "LICENSE",
    base: __dir__
  ]
  spec.bindir = "exe"
  spec.executables = ["atr_server"]
  spec.extensions = ["ext/atr/Cargo.toml"]

  spec.add_dependency "activemodel", ">= 6.1", "< 9"
  spec.add_dependency "activesupport", ">= 6.1", "< 9"
end
