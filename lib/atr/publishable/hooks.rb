# frozen_string_literal: true

require_relative "change"
require_relative "plain_change"

module Atr
  module Publishable
    # Sees to it that a class tells when its records are created, updated and destroyed.
    #
    # @api private
    module Hooks
      # What the callbacks are called, by what is published.
      CALLBACKS = { "created" => :create, "updated" => :update, "destroyed" => :destroy }.freeze

      class << self
        # @param klass [Class]
        # @raise [ConfigurationError] when it has no callbacks
        def install(klass)
          if active_record?(klass)
            record_changes(klass)
          elsif klass.respond_to?(:after_commit)
            CALLBACKS.each { |action, callback| klass.after_commit(on: callback) { PlainChange.publish(self, action) } }
          else
            publish_at_once(klass)
          end
        end

        private

        def active_record?(klass)
          defined?(::ActiveRecord::Base) && klass <= ::ActiveRecord::Base
        end

        # `set_callback` puts these before all `after_…` callbacks of the app, wherever they are written. One of those may save
        # the record again, and then `saved_changes` tells of that save only.
        def record_changes(klass)
          CALLBACKS.each do |action, callback|
            klass.set_callback(callback, :after) { Publication.guarded(self) { Change.note(self, action) } }
          end
          klass.set_callback(:touch, :after) { Publication.guarded(self) { Change.note_touch(self) } }
        end

        def publish_at_once(klass)
          missing = CALLBACKS.values.map { |callback| :"after_#{callback}" }.reject { |name| klass.respond_to?(name) }
          if missing.any?
            raise ConfigurationError, "#{klass.name} cannot be publishable, because it has no #{missing.join(", ")}: " \
                                      "see define_model_callbacks of ActiveModel::Callbacks"
          end

          CALLBACKS.each { |action, callback| klass.public_send(:"after_#{callback}") { PlainChange.publish(self, action) } }
        end
      end
    end
  end
end
