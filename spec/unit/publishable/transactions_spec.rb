# frozen_string_literal: true

require "support/models"

RSpec.describe Atr::Publishable, "in transactions" do
  include_context "with the test broker"

  let!(:post) { before_that { Post.create!(title: "a", body: "b", organization_id: 1) } }

  def event
    expect(routing_keys.size).to eq 1
    published.first.event
  end

  def in_savepoint_rolled_back
    Post.transaction(requires_new: true) do
      yield
      raise ActiveRecord::Rollback
    end
  end

  it "publishes nothing before the commit" do
    Post.transaction do
      post.update!(title: "z")
      Post.create!(organization_id: 1)
      expect(routing_keys).to eq []
    end
    expect(routing_keys).to eq %w[organization.1.post.updated organization.1.post.created]
  end

  it "publishes nothing of what is rolled back" do
    Post.transaction do
      post.update!(title: "z")
      post.touch
      Post.create!(organization_id: 1)
      Atr.publish("a.b", {})
      post.destroy!
      raise ActiveRecord::Rollback
    end
    expect { Post.transaction { post.reload.update!(title: "y") && raise(IOError) } }.to raise_error(IOError)
    expect(routing_keys).to eq []
  end

  it "publishes nothing when the commit itself fails" do
    Post.transaction do
      post.update!(title: "z")
      allow(Post.connection).to receive(:commit_db_transaction).and_raise(ActiveRecord::StatementInvalid, "constraint")
    end
  rescue ActiveRecord::StatementInvalid
    expect(routing_keys).to eq []
    expect(Atr::Transactions::Commits.of(Post.connection).instance_variable_get(:@batches)).to eq []
    expect(post.reload.title).to eq "a"
  else
    raise "the commit did not fail"
  end

  it "publishes in the order in which things were done" do
    Post.transaction do
      other = Post.create!(title: "other", organization_id: 2)
      Atr.publish("import.started", {}, scope: "organization.1")
      post.update!(title: "z")
      other.update!(title: "more")
      Comment.create!(text: "c")
      Atr.publish("import.finished", {}, scope: "organization.1")
    end
    expect(routing_keys).to eq %w[
      organization.2.post.created organization.1.import.started organization.1.post.updated comment.created
      organization.1.import.finished
    ]
  end

  describe "one row" do
    it "merges the changes of all its saves" do
      Post.transaction do
        post.update!(title: "y")
        post.update!(body: "c")
        post.update!(title: "z")
        post.touch(time: Time.utc(2030))
      end
      expect(event).to include("name" => "post.updated", "record" => include("title" => "z", "body" => "c"))
      expect(event["changes"]).to match("title" => %w[a z], "body" => %w[b c], "updated_at" => [anything, "2030-01-01T00:00:00.000Z"])
    end

    it "forgets what was changed back" do
      Post.record_timestamps = false
      Post.transaction { %w[z a].each { |title| post.update!(title:) } }
      expect(routing_keys).to eq []
    ensure
      Post.record_timestamps = true
    end

    it "is created once, as it is in the end" do
      Post.transaction { Post.create!(title: "x", organization_id: 1).update!(title: "y", organization_id: 2) }
      expect(event).to include("routing_key" => "organization.2.post.created", "record" => include("title" => "y"))
      expect(event).not_to have_key("changes")
    end

    it "that was created and destroyed has never been there" do
      Post.transaction { Post.create!(organization_id: 1).destroy! }
      expect(routing_keys).to eq []
    end

    it "that was updated and destroyed is destroyed" do
      Post.transaction do
        post.update!(title: "z")
        post.destroy!
      end
      expect(event).to include("name" => "post.destroyed", "record" => include("title" => "z"))
    end

    it "that was destroyed and made again is both" do
      Post.transaction do
        post.destroy!
        Post.create!(id: post.id, title: "new", organization_id: 1).update!(title: "newer")
      end
      expect(routing_keys).to eq %w[organization.1.post.destroyed organization.1.post.created]
      expect(published.last.event["record"]).to include("title" => "newer")
    end

    it "keeps a change in place that was not saved to itself" do
      Post.transaction do
        post.update!(settings: { "theme" => "dark" }, title: +"saved")
        post.settings["theme"] = "unsaved"
        post.title << " not"
        post.organization_id = 9
      end
      expect(event).to include("routing_key" => "organization.1.post.updated")
      expect(event["record"]).to include("title" => "saved", "settings" => { "theme" => "dark" })
      expect(event["changes"]).to include("settings" => [nil, { "theme" => "dark" }])
      expect(post.title).to eq "saved not"
    end
  end

  describe "savepoints" do
    it "are part of the transaction when they are released" do
      Post.transaction do
        post.update!(title: "z")
        Post.transaction(requires_new: true) { post.update!(body: "c") && Post.create!(title: "n", organization_id: 1) }
        expect(routing_keys).to eq []
      end
      expect(routing_keys).to eq %w[organization.1.post.updated organization.1.post.created]
      expect(published.first.event["changes"]).to include("title" => %w[a z], "body" => %w[b c])
    end

    it "keep their place in time" do
      Post.transaction do
        Post.transaction(requires_new: true) { post.update!(title: "y") && Comment.create!(text: "first") }
        post.update!(title: "z")
        Comment.create!(text: "second")
      end
      expect(published.map { |message| message.event["record"].slice("title", "text") })
        .to eq [{ "title" => "z" }, { "text" => "first" }, { "text" => "second" }]
    end

    it "leave nothing behind when they are rolled back: events" do
      Post.transaction do
        in_savepoint_rolled_back do
          post.update!(title: "z")
          Post.create!(organization_id: 1)
          Comment.create!(text: "c")
          Atr.publish("a.b", {})
        end
      end
      expect(routing_keys).to eq []
    end

    it "leave nothing behind when they are rolled back: changes" do
      Post.transaction do
        in_savepoint_rolled_back { post.update!(title: "z", organization_id: 9) }
        post.update!(body: "c")
      end
      expect(event).to include("routing_key" => "organization.1.post.updated", "record" => include("title" => "a", "body" => "c"))
      expect(event["changes"].keys).to contain_exactly("body", "updated_at")
      expect(post.reload).to have_attributes(title: "a", body: "c", organization_id: 1)
    end

    it "leave the changes that were made before" do
      Post.transaction do
        post.update!(title: "y")
        in_savepoint_rolled_back do
          post.update!(title: "z")
          post.update!(organization_id: 9)
        end
      end
      expect(event).to include("routing_key" => "organization.1.post.updated", "record" => include("title" => "y"))
      expect(event["changes"]).to include("title" => %w[a y])
    end

    it "leave the old value as it was before the transaction" do
      Post.transaction do
        in_savepoint_rolled_back { 2.times { |n| post.update!(title: "z#{n}") } }
        post.update!(title: "y")
      end
      expect(event["changes"]).to include("title" => %w[a y])
    end

    it "leave a row alive that was destroyed in one" do
      Post.transaction do
        in_savepoint_rolled_back { Post.find(post.id).destroy! }
        post.update!(title: "z")
      end
      expect(event["name"]).to eq "post.updated"
    end

    it "that are released inside of one that is rolled back leave nothing, either" do
      Post.transaction do
        in_savepoint_rolled_back { Post.transaction(requires_new: true) { post.update!(title: "z") } }
        post.update!(body: "c")
      end
      expect(event["record"]).to include("title" => "a", "body" => "c")
    end

    it "are forgotten with their transaction" do
      Post.transaction { in_savepoint_rolled_back { Post.find(post.id).update!(title: "z") } }
      post.update!(title: "y")
      expect(event["changes"]).to include("title" => %w[a y])
    end
  end

  describe "a test's own transaction around everything" do
    around do |example|
      Post.transaction(joinable: false) do
        example.run
        raise ActiveRecord::Rollback
      end
    end

    it "is none to wait for" do
      post.update!(title: "z")
      Post.transaction do
        Post.create!(organization_id: 1)
        Atr.publish("a.b", {})
        expect(routing_keys).to eq ["organization.1.post.updated"]
      end
      Atr.publish("c.d", {})
      expect(routing_keys).to eq %w[organization.1.post.updated organization.1.post.created a.b c.d]
    end

    it "does not carry what was rolled back from one to the next" do
      in_savepoint_rolled_back { Post.find(post.id).update!(title: "z") }
      post.update!(title: "y")
      post.update!(body: "c")
      expect(published.map { |message| message.event["record"].values_at("title", "body") }).to eq [%w[y b], %w[y c]]
    end
  end

  describe "other callbacks" do
    it "of the app after the commit may save and publish, which comes after" do
      klass = Class.new(Post) do
        define_singleton_method(:name) { "Post" }
        after_commit(on: :create) do
          update!(title: "after #{title}")
          Atr.publish("mail.sent", {})
        end
      end
      klass.create!(title: "a", organization_id: 1)
      expect(routing_keys).to eq %w[organization.1.post.created organization.1.post.updated mail.sent]
      expect(published.map { |message| message.event["record"]["title"] }).to eq ["a", "after a", nil]
    end

    it "of another record after the commit may save, which comes after" do
      klass = Class.new(MainDatabase) do
        self.table_name = "comments"
        define_singleton_method(:name) { "Comment" }
        attr_accessor :post

        after_create { self.post = Post.create!(title: "a", organization_id: 1) }
        after_commit(on: :create) do
          Atr.publish("comment.committed", {})
          post.update!(title: "z")
        end
      end
      klass.create!(text: "c")
      expect(routing_keys).to eq %w[organization.1.post.created comment.committed organization.1.post.updated]
    end

    it "and publishing methods that save do not overtake what is being published" do
      klass = Class.new(Post) do
        define_singleton_method(:name) { "Post" }
        attr_accessor :other

        def publish_created_event
          super
          other&.update!(title: "touched by the first")
        end
      end
      klass.transaction do
        first = klass.create!(title: "a", organization_id: 1)
        first.other = klass.create!(title: "b", organization_id: 2)
      end
      expect(routing_keys).to eq %w[organization.1.post.created organization.2.post.created organization.2.post.updated]
    end

    it "before the commit may save, and that is merged" do
      klass = Class.new(Post) do
        define_singleton_method(:name) { "Post" }
        before_commit { Post.find(id).update!(body: "late") }
      end
      klass.find(post.id).update!(title: "z")
      expect(event["changes"]).to include("title" => %w[a z], "body" => %w[b late])
    end

    it "before the commit may save in a savepoint" do
      klass = Class.new(Post) do
        define_singleton_method(:name) { "Post" }
        before_commit { Comment.transaction(requires_new: true) { Comment.create!(text: "late") } }
      end
      klass.find(post.id).update!(title: "z")
      expect(routing_keys).to eq %w[organization.1.post.updated comment.created]
    end

    it "that raise after the commit take no event with them" do
      klass = Class.new(MainDatabase) do
        self.table_name = "comments"
        define_singleton_method(:name) { "Comment" }
        after_commit { raise IOError, "mail" }
      end
      expect do
        Post.transaction do
          klass.create!(text: "a")
          post.update!(title: "z")
        end
      end.to raise_error(IOError)
      expect(routing_keys).to eq ["organization.1.post.updated"]
    end
  end

  describe "several databases" do
    it "publish each at its own commit" do
      Post.transaction do
        Audit.create!(text: "a")
        expect(routing_keys).to eq ["audit.created"]
        post.update!(title: "z")
        raise ActiveRecord::Rollback
      end
      expect(routing_keys).to eq ["audit.created"]
    end

    it "both have to commit for what is no record" do
      Post.transaction do
        Audit.transaction { Atr.publish("a.b", {}) }
        expect(routing_keys).to eq []
      end
      expect(routing_keys).to eq ["a.b"]
      Audit.transaction do
        Post.transaction do
          Atr.publish("c.d", {})
          raise ActiveRecord::Rollback
        end
      end
      expect(routing_keys).to eq ["a.b"]
    end
  end

  it "publishes at once where a class saves without a transaction, as Rails 8.1 lets it" do
    Atr::Publishable::Change.new(post, "updated", { "title" => %w[z a] }).enlist
    expect(event["changes"]).to eq("title" => %w[z a])
  end

  it "knows nothing of a transaction that Rails has thrown away, as after a lost connection" do
    connection = Post.connection
    connection.begin_transaction(_lazy: false)
    post.update!(title: "lost")
    connection.raw_connection.rollback
    connection.reset_transaction
    expect(routing_keys).to eq []
    Post.find(post.id).update!(body: "c")
    expect(event["changes"].keys).to contain_exactly("body", "updated_at")
  end
end
