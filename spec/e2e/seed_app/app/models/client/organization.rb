# frozen_string_literal: true

module Client
  class Organization < ActiveRecord::Base
    self.table_name = "organizations"

    def websocket_channels
      ::Atr::Registry.channels
    end
  end
end
