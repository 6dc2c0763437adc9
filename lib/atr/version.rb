# frozen_string_literal: true

module Atr
  VERSION = "0.1.0"
end
