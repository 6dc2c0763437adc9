# frozen_string_literal: true

require_relative "command"

exit Demo::Command.new(ARGV).run
