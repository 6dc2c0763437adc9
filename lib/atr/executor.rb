# frozen_string_literal: true

require_relative "rails_app"

module Atr
  # Runs the app's code as a request of Rails runs it: database connections go back afterwards, changed classes are loaded
  # anew in development. Without Rails it only runs it.
  #
  # @api private
  module Executor
    module_function

    # @return [Object] what the block gives
    def wrap(&)
      executor = RailsApp.executor
      executor ? executor.wrap(&) : yield
    end
  end
end
