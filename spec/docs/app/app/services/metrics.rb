# frozen_string_literal: true

# Stands for whatever an app counts with.
module Metrics
  @counted = []

  class << self
    attr_reader :counted

    def increment(*what)
      @counted << what
    end
  end
end
