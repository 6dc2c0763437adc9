# frozen_string_literal: true

module Atr
  # Knows the publishable classes, and so the names of all events. In a Rails app that loads classes when they are used, it
  # loads the models first.
  class Registry
    @included = []
    @lock = Mutex.new

    class << self
      # @api private
      # @return [#load, nil] loads the app's models
      attr_accessor :loader

      # @api private
      # @param klass [Class] that includes {Publishable}; its subclasses are found
      def register(klass)
        @lock.synchronize { @included << klass }
      end

      # @return [Array<Class>] the publishable classes that have events: neither abstract nor without a name
      def models
        loader&.load
        current(@lock.synchronize { @included.dup }).flat_map { |klass| family(klass) }.uniq
                                                    .select { |klass| events?(klass) }.sort_by(&:name)
      end

      # @return [Array<String>] names of all events: `["post.created", "post.updated", "post.destroyed"]`
      def channels
        models.flat_map { |klass| klass.publishable_actions.map { |action| klass.resource_action_routing_key(action) } }
      end

      # @param routing_key [String] a scope: `user.1234`
      # @return [Array<String>] `["user.1234.post.created", …]`
      def scoped_channels(routing_key)
        channels.map { |channel| "#{routing_key}.#{channel}" }
      end

      # Lets go of classes that code reloading has unloaded, without loading the new ones.
      #
      # @api private
      def forget_unloaded
        @lock.synchronize { @included.select! { |klass| klass.name.nil? || klass.equal?(loaded_constant(klass.name)) } }
      end

      private

      def loaded_constant(name)
        name.split("::").reduce(Object) do |parent, part|
          break if !parent.is_a?(Module) || parent.autoload?(part) || !parent.const_defined?(part, false)

          parent.const_get(part, false)
        end
      end

      # Code reloading leaves old classes behind, of which the constant is another one now.
      def current(classes)
        stale = classes.reject { |klass| klass.name.nil? || current?(klass) }
        @lock.synchronize { @included -= stale } unless stale.empty?
        classes - stale
      end

      def current?(klass)
        klass.name.safe_constantize.equal?(klass)
      end

      def family(klass)
        # ActiveSupport 6.1 holds them by WeakRef, which on Ruby 3.1 may give some other object in place of a collected one.
        subclasses = klass.subclasses.select { |subclass| subclass.is_a?(Class) && subclass < klass }
        [klass, *subclasses.flat_map { |subclass| family(subclass) }]
      end

      def events?(klass)
        return false if klass.name.nil? || !current?(klass)

        !(klass.respond_to?(:abstract_class?) && klass.abstract_class?)
      end
    end
  end
end
