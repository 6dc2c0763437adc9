# frozen_string_literal: true

require "active_record"
require "stringio"

# Two databases in memory, and models that publish. `ActiveRecord::Base` itself has no connection: other specs have theirs there.
class MainDatabase < ActiveRecord::Base
  self.abstract_class = true
  establish_connection(adapter: "sqlite3", database: ":memory:")
end

class OtherDatabase < ActiveRecord::Base
  self.abstract_class = true
  establish_connection(adapter: "sqlite3", database: ":memory:")
end

MainDatabase.connection.tap do |database|
  database.create_table :posts do |t|
    t.string :title
    t.string :body
    t.integer :organization_id
    t.string :password_digest
    t.string :api_token
    t.json :settings
    t.timestamps
  end
  database.create_table :comments do |t|
    t.references :post
    t.string :text
  end
  database.create_table :vehicles do |t|
    t.string :type
    t.string :name
    t.integer :organization_id
  end
  database.create_table :blog_posts do |t|
    t.string :title
    t.integer :user_id
  end
  database.create_table(:plain_rows, id: false) { |t| t.string :text }
end
OtherDatabase.connection.create_table(:audits) { |t| t.string :text }

class Post < MainDatabase
  include Atr::Publishable
  publication_scope :organization_id

  has_many :comments
end

class Comment < MainDatabase
  include Atr::Publishable

  belongs_to :post, touch: true, optional: true
end

class Vehicle < MainDatabase
  include Atr::Publishable
  publication_scope :organization_id
  publishable_actions :created, :destroyed
end

class Truck < Vehicle
end

class Tricycle < Vehicle
  publication_scope
  publishable_actions :updated
end

class PublishableRecord < MainDatabase
  include Atr::Publishable
  self.abstract_class = true
end

module Fake
  module Blog
    class Post < PublishableRecord
      self.table_name = "blog_posts"
      publication_scope :user_id
    end
  end
end

class Audit < OtherDatabase
  include Atr::Publishable
end

class PlainRow < MainDatabase
  include Atr::Publishable
end

# Publishes to the test broker, with a log of the example's own and nothing left over from other examples.
RSpec.shared_context "with the test broker" do
  let(:log) { StringIO.new }

  before do
    Atr.reset!
    Atr.configure do |config|
      config.broker = "test"
      config.logger = Logger.new(log)
    end
  end

  after do
    Atr.reset!
    [Post, Comment, Vehicle, Fake::Blog::Post, Audit, PlainRow].each(&:delete_all)
  end

  # Makes rows that are there before what the example is about.
  def before_that
    result = yield
    Atr::TestBroker.clear
    result
  end

  def published
    Atr::TestBroker.messages
  end

  def routing_keys
    published.map(&:routing_key)
  end
end
