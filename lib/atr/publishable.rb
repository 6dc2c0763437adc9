# frozen_string_literal: true

require "active_support/concern"
require "active_support/core_ext/class/attribute"
require "active_support/core_ext/string/inflections"
require_relative "publishable/class_methods"
require_relative "publishable/hooks"

module Atr
  # Publishes an event when a record was created, updated or destroyed: after the commit, one for each row, with all that the
  # transaction changed. Nothing goes out for what was rolled back. A class without transactions, as one of ActiveModel's
  # callbacks only, publishes right after the callback.
  #
  # An app may override the three private methods, for one model or for all.
  #
  # @example
  #   class Post < ApplicationRecord
  #     include Atr::Publishable
  #     publication_scope :organization_id        # organization.1234.post.created
  #     publishable_attributes :id, :title        # what of the record goes out
  #
  #     private
  #
  #     def publish_updated_event
  #       super if published?
  #     end
  #   end
  module Publishable
    extend ActiveSupport::Concern

    PUBLISHABLE_ACTIONS = %w[created updated destroyed].freeze

    included do
      class_attribute :publication_scopes, instance_accessor: false, instance_predicate: false, default: [].freeze
      class_attribute :atr_actions, instance_accessor: false, instance_predicate: false, default: PUBLISHABLE_ACTIONS
      class_attribute :atr_attributes, instance_accessor: false, instance_predicate: false, default: [].freeze

      Hooks.install(self)
      Registry.register(self)
    end

    # @return [Hash{String => Array}] old and new value of what is being published; of the last save when nothing is
    def publishable_changes
      return @publishable_changes if @publishable_changes
      return saved_changes if respond_to?(:saved_changes)

      respond_to?(:previous_changes) ? previous_changes : {}
    end

    private

    def publish_created_event
      publish_record_event("created")
    end

    def publish_updated_event
      publish_record_event("updated")
    end

    def publish_destroyed_event
      publish_record_event("destroyed")
    end

    def publish_record_event(action)
      routing_key = self.class.build_routing_key_for_record_action(self, action)
      event_name = self.class.resource_action_routing_key(action)
      Atr.publish_event(Event.new(routing_key, event_name, self)) if routing_key
    end
  end
end
