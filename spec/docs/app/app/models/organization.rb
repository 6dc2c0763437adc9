# frozen_string_literal: true

class Organization < ApplicationRecord
end
