# frozen_string_literal: true

require "rbconfig"

desc "Check that YARD understands every comment"
task :yard do
  sh RbConfig.ruby, "-S", "yard", "stats", "--fail-on-warning", "--no-save", "--no-cache", "--no-progress", "lib/**/*.rb"
end
