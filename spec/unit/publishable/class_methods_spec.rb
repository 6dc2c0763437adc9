# frozen_string_literal: true

require "support/models"

RSpec.describe Atr::Publishable::ClassMethods do
  include_context "with the test broker"

  describe "names" do
    it "are of the class path, underscored" do
      expect(Fake::Blog::Post.resource_routing_keys).to eq %w[fake blog post]
      expect(Fake::Blog::Post.routing_key).to eq "fake.blog.post"
      expect(PlainRow.routing_key).to eq "plain_row"
      expect(Fake::Blog::Post.resource_action_routing_keys("created")).to eq [%w[fake blog post], "created"]
      expect(Fake::Blog::Post.resource_action_routing_key("created")).to eq "fake.blog.post.created"
    end

    it "are a subclass's own" do
      expect([Vehicle, Truck].map(&:routing_key)).to eq %w[vehicle truck]
    end

    it "are not to be had of a class without one" do
      expect { Class.new(Post).routing_key }.to raise_error(Atr::ConfigurationError, /without a name/)
    end
  end

  describe "scope" do
    it "is of the attributes' names and values" do
      expect(Fake::Blog::Post.build_publication_scope_for_record(Fake::Blog::Post.new(user_id: 123))).to eq ["user", 123]
      record = Fake::Blog::Post.new(user_id: 123)
      expect(Fake::Blog::Post.build_routing_key_for_record_action(record, "created")).to eq "user.123.fake.blog.post.created"
    end

    it "may be of several attributes and methods, private ones too" do
      klass = Class.new(Post) do
        define_singleton_method(:name) { "Post" }
        publication_scope :organization_id, "paid_idea_id", :team

        def paid_idea_id = 5

        private

        def team = "red"
      end
      record = klass.new(organization_id: 1)
      expect(klass.build_routing_key_for_record_action(record, "updated")).to eq "organization.1.paid_idea.5.team.red.post.updated"
    end

    it "is inherited, and can be taken back" do
      expect([Truck.publication_scopes, Truck.scope_publication?]).to eq [[:organization_id], true]
      expect([Tricycle.publication_scopes, Tricycle.scope_publication?]).to eq [[], false]
      expect(Vehicle.publication_scopes).to eq [:organization_id]
    end

    it "gives no routing key without a value, and warns once" do
      [nil, nil].each do |id|
        expect(Post.build_routing_key_for_record_action(Post.new(id: 7, organization_id: id), "created")).to be_nil
      end
      expect(log.string.scan("atr: Post 7 has no organization_id, which is its publication scope").size).to eq 1
    end

    describe "with a dot in a value" do
      let(:failures) { [] }

      before { Atr.config.on_publish_error = ->(error, subject) { failures << [error, subject] } }

      def scoped_by(*attributes, &block)
        Class.new(Post) do
          define_singleton_method(:name) { "Post" }
          publication_scope(*attributes)
          class_eval(&block) if block
        end
      end

      def routing_key(klass, **attributes)
        klass.build_routing_key_for_record_action(klass.new(id: 7, **attributes), "created")
      end

      it "gives no routing key, because it would be another scope's" do
        honest = routing_key(scoped_by(:title, :organization_id), title: "a", organization_id: 7)
        expect(honest).to eq "title.a.organization.7.post.created"
        expect(routing_key(scoped_by(:title), title: "a.organization.7")).to be_nil
        expect(routing_key(scoped_by(:title, :organization_id), title: "a.", organization_id: 7)).to be_nil
      end

      it "is logged once without the value, counted and told each time" do
        klass = scoped_by(:title)
        2.times { routing_key(klass, title: "geheim.a") }
        expect(log.string.lines.grep(/ERROR.*Post 7 was not published: its title, .* has a dot in it.*once for Post/).size).to eq 1
        expect(log.string).not_to include "geheim"
        expect(Atr.publisher.stats).to include(failed: 2)
        expect(failures).to match Array.new(2) { [be_a(Atr::PublishError), be_a(Post)] }
      end

      it "is so too where the value is no text" do
        [1.5, BigDecimal("1.5"), ["a", "id", 7], :"a.b"].each do |value|
          expect(routing_key(scoped_by(:team) { define_method(:team) { value } })).to be_nil
        end
        expect(failures.size).to eq 4
      end
    end

    it "takes an empty value for none" do
      klass = Class.new(Post) do
        define_singleton_method(:name) { "Post" }
        publication_scope :title
      end
      expect(klass.build_routing_key_for_record_action(klass.new(title: ""), "created")).to be_nil
    end
  end

  describe "scope of a record that was loaded without it" do
    def update_without_scope(klass)
      id = before_that { klass.create!(title: "a", organization_id: 1) }.id
      2.times { |number| klass.select(:id, :title).find(id).update!(title: number.to_s) }
      expect(routing_keys).to eq []
      expect(log.string).not_to include "ERROR"
      expect(Atr.publisher.stats).to include(failed: 0)
    end

    it "is none, of which a warning tells once" do
      update_without_scope(Post)
      expect(log.string.scan(/WARN.*Post \d+ was loaded without .*publication_scope needs \(organization_id\)/).size).to eq 1
    end

    it "is none where a method needs what is not loaded" do
      klass = Class.new(Post) do
        define_singleton_method(:name) { "Post" }
        publication_scope :title, :team
        def team = organization_id + 1
      end
      update_without_scope(klass)
      expect(log.string.scan(/publication_scope needs \(team\)/).size).to eq 1
    end
  end

  describe "actions" do
    it "are all, unless limited" do
      expect(Post.publishable_actions).to eq %w[created updated destroyed]
      expect(Vehicle.publishable_actions).to eq %w[created destroyed]
    end

    it "are inherited, and can be others in a subclass" do
      expect(Truck.publishable_actions).to eq %w[created destroyed]
      expect(Tricycle.publishable_actions).to eq %w[updated]
    end

    it "cannot be what is no action" do
      expect { Class.new(Post).publishable_actions(:created, :upserted) }
        .to raise_error(Atr::ConfigurationError, /no action upserted.*created, updated, destroyed/)
    end
  end

  describe "attributes" do
    it "are none by default, which stands for all visible ones, and are inherited" do
      base = Class.new(Post) { publishable_attributes :id, "title" }
      expect([Post.publishable_attributes, base.publishable_attributes, Class.new(base).publishable_attributes])
        .to eq [[], %w[id title], %w[id title]]
    end
  end
end
