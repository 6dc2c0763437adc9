# frozen_string_literal: true

require "rbconfig"
require "rspec/core/rake_task"

desc "Run every spec (the library must be compiled)"
RSpec::Core::RakeTask.new(:spec)

namespace :spec do
  desc "Run what calls native code in this process, with the garbage collector at its most eager"
  task :gc_stress do
    sh({ "RSPEC_GC_STRESS" => "1" }, RbConfig.ruby, "-S", "rspec", "--tag", "native")
  end
end
