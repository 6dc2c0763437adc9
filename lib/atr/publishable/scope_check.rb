# frozen_string_literal: true

require "active_model/attribute_methods"
require_relative "../publisher"
require_relative "../scope_parts"

module Atr
  module Publishable
    # Lets only those scopes through that nobody can mistake for another one ({ScopeParts} says what else could happen). An event
    # without a value for its scope must not become one for everybody.
    #
    # @api private
    class ScopeCheck
      # @param klass [Class] a publishable one
      # @param record [Publishable]
      def initialize(klass, record)
        @class = klass
        @record = record
      end

      # @return [Array, nil] names and values; nil, of which the log has told once, when nothing may be published
      def scope
        parts = @class.build_publication_scope_for_record(@record)
        empty, dotted = ScopeParts.flaws(parts)
        return warn_of_nothing(attribute(parts, empty)) if empty
        return refuse(attribute(parts, dotted)) if dotted

        parts
      rescue ActiveModel::MissingAttributeError
        warn_of_unloaded(@class.publication_scopes.select { |name| unloaded?(name) })
      end

      private

      # Apps may build the parts in a method of their own.
      def attribute(parts, index)
        @class.publication_scopes[index / 2] || parts[index - 1]
      end

      def unloaded?(attribute)
        @record.__send__(attribute)
        false
      rescue ActiveModel::MissingAttributeError
        true
      end

      def warn_of_nothing(attribute)
        warn_once(:missing_scope, attribute, "has no #{attribute}, which is its publication scope, so its events are not published")
      end

      def warn_of_unloaded(attributes)
        attributes = attributes.join(", ")
        warn_once(:unloaded_scope, attributes, "was loaded without what its publication_scope needs (#{attributes}), so its events " \
                                               "are not published: select that, too")
      end

      def warn_once(what, attribute, text)
        Logging.once(what, @class.name, attribute) do
          id = @record.id if @record.respond_to?(:id)
          Atr.logger.warn { "atr: #{[@class.name, id].compact.join(" ")} #{text} #{once}" }
        end
        nil
      end

      # The value is a user's; no log needs it.
      def refuse(attribute)
        error = PublishError.new("its #{attribute}, which is its publication scope, has a dot in it, and dots are what separates " \
                                 "the parts of a scope; give publication_scope an attribute or a method without, as an id #{once}")
        Atr.publisher.failed(error, @record, once: [:dotted_scope, @class.name, attribute])
        nil
      end

      def once
        "(this is said once for #{@class.name})"
      end
    end
  end
end
