# frozen_string_literal: true

require "active_record"

RSpec.describe Atr::DatabaseConnections do
  describe ".pool_size" do
    it "is what the app's pool allows" do
      ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:", pool: 3)
      expect(described_class.pool_size).to eq 3
    ensure
      ActiveRecord::Base.remove_connection
    end

    it "is nil where there is no database" do
      expect(described_class.pool_size).to be_nil
    end
  end

  describe "without ActiveRecord" do
    before { hide_const("ActiveRecord") }

    it "has nothing to give back, and no pool" do
      expect { described_class.release }.not_to raise_error
      expect(described_class.pool_size).to be_nil
    end
  end
end
