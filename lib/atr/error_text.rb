# frozen_string_literal: true

module Atr
  # Says what an exception of the app's code says, without what it shows of records and requests.
  #
  # @api private
  module ErrorText
    # Before Ruby 3.4 a NameError goes on with the receiver's `inspect`, which for a record is all of its attributes.
    RECEIVER = / for (?:an instance of )?#<.*/m
    private_constant :RECEIVER

    module_function

    # @param error [Exception]
    # @return [String] its message
    def of(error)
      message = error.message.to_s
      error.is_a?(NameError) ? message.sub(RECEIVER, "") : message
    end
  end
end
