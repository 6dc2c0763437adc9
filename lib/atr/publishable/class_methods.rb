# frozen_string_literal: true

require_relative "scope_check"

module Atr
  module Publishable
    # What a publishable class can say about its events. Subclasses inherit what they do not say themselves.
    module ClassMethods
      # Says who may see the events: `publication_scope :organization_id` puts those of a record into the scope
      # `organization.<its organization_id>`. A record without a value, or with a dot in it, publishes nothing.
      #
      # @param attributes [Array<Symbol, String>] attributes or methods of the record
      # @return [void]
      def publication_scope(*attributes)
        self.publication_scopes = attributes.flatten.freeze
      end

      # @return [Boolean]
      def scope_publication?
        publication_scopes.any?
      end

      # Limits the actions that publish, or, called bare, answers them.
      #
      # @example
      #   publishable_actions :created, :destroyed
      # @param actions [Array<Symbol, String>]
      # @return [Array<String>]
      # @raise [ConfigurationError] for what is no action
      def publishable_actions(*actions)
        return atr_actions if actions.empty?

        actions = actions.flatten.map(&:to_s)
        if (unknown = actions - PUBLISHABLE_ACTIONS).any?
          raise ConfigurationError, "publishable_actions of #{name}: there is no action #{unknown.join(", ")}; " \
                                    "it must be some of #{PUBLISHABLE_ACTIONS.join(", ")}"
        end
        self.atr_actions = (PUBLISHABLE_ACTIONS & actions).freeze
      end

      # Lists what of the record goes out, or, called bare, answers it: empty for "all that the model's filters do not hide".
      #
      # @param names [Array<Symbol, String>] attributes or methods of the record
      # @return [Array<String>]
      def publishable_attributes(*names)
        return atr_attributes if names.empty?

        self.atr_attributes = names.flatten.map { |name| name.to_s.freeze }.freeze
      end

      # @return [String] `fake.blog.post`
      def routing_key
        resource_routing_keys.join(".")
      end

      # @return [Array<String>] `["fake", "blog", "post"]`
      # @raise [ConfigurationError] for a class without a name
      def resource_routing_keys
        raise ConfigurationError, "a class without a name has no events" if name.nil?

        name.split("::").map(&:underscore)
      end

      # @param action [String]
      # @return [Array] `[["fake", "blog", "post"], "created"]`
      def resource_action_routing_keys(action)
        [resource_routing_keys, action]
      end

      # @param action [String]
      # @return [String] the name of the event: `fake.blog.post.created`
      def resource_action_routing_key(action)
        resource_action_routing_keys(action).join(".")
      end

      # @param record [Object]
      # @param action [String]
      # @return [String, nil] scope and name: `organization.1234.post.created`; nil when the record has no value for its scope,
      #   or one with a dot in it
      def build_routing_key_for_record_action(record, action)
        scope = ScopeCheck.new(self, record).scope
        [scope, resource_routing_keys, action].flatten.join(".") if scope
      end

      # @param record [Object]
      # @return [Array] names and values: `["user", 123]`
      def build_publication_scope_for_record(record)
        publication_scopes.flat_map { |attribute| [attribute.to_s.delete_suffix("_id"), record.__send__(attribute)] }
      end
    end
  end
end
