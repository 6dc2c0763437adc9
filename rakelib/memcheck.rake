# frozen_string_literal: true

require "json"
require "rbconfig"

desc "Look for memory errors with valgrind (Debian: apt-get install valgrind); takes two minutes and is no part of bin/test"
task memcheck: %w[memcheck:native memcheck:core]

namespace :memcheck do
  valgrind = %w[valgrind --quiet --error-exitcode=99]

  desc "The native library inside Ruby: reads and writes of memory that is not there, and wrong frees"
  task native: :compile do
    # Ruby's collector reads stacks that nobody has written yet, and Ruby frees nothing when it ends: both would hide all else.
    options = %w[--undef-value-errors=no --leak-check=no --child-silent-after-fork=yes --fair-sched=yes
                 --suppressions=spec/memcheck/ruby.supp]
    sh(*valgrind, *options, RbConfig.ruby, "-Ilib", "spec/memcheck/exercise.rb")
  end

  desc "The core's server with real sockets: the same, uninitialised memory, and leaks"
  task :core do
    messages = `cargo test --locked --package atr_core --test server --no-run --message-format=json`.lines
    program = messages.filter_map { |line| JSON.parse(line)["executable"] }.last or abort "cargo built no test"
    sh(*valgrind, "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
       program, "--test-threads=1", "rfc6455", "delivery")
  end
end
