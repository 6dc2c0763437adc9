# frozen_string_literal: true

ActiveRecord::Schema.define do
  self.verbose = false

  create_table :organizations, force: true do |t|
    t.string :name
  end

  create_table :users, force: true do |t|
    t.integer :organization_id
  end

  create_table :posts, force: true do |t|
    t.string :title
    t.integer :organization_id
    t.timestamps
  end

  create_table :comments, force: true do |t|
    t.string :text
    t.integer :organization_id
    t.integer :likes, default: 0
  end
end
