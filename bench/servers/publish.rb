# frozen_string_literal: true

# What a save costs the thread that saves: `Atr.publish_event` of a record's event, beside `ActionCable.server.broadcast` of the
# same Hash. Both in this process, in turns. Prints one line a round: microseconds a call, of time and of processor time.
require "active_support/all"
require "action_cable"
require "active_record"
require "atr"

ROUNDS = Integer(ARGV.fetch(0))
# Less than the publisher's queue holds: what is measured is the hand-over, not a full queue.
CALLS = Integer(ARGV.fetch(1))
REDIS_URL = ENV.fetch("REDIS_URL")

ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:")
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table(:posts) do |t|
    t.integer :organization_id, :author_id, :likes
    t.string :title, :state
    t.text :body
    t.boolean :pinned
    t.timestamps
  end
end

class Post < ActiveRecord::Base
  include Atr::Publishable
end

Atr.config.broker = "redis"
Atr.config.redis_url = REDIS_URL
cable = ActionCable.server.config
cable.cable = { "adapter" => "redis", "url" => REDIS_URL }.with_indifferent_access
cable.logger = Logger.new($stderr, level: Logger::WARN)

POST = Post.create!(organization_id: 1234, author_id: 42, likes: 17, title: "The title of a post", state: "published",
                    body: "What somebody has written.", pinned: false)
raise "the record has #{POST.attributes.size} attributes" unless POST.attributes.size == 10

# Both make everything anew from the record, as after a commit: nothing of it is there beforehand.
def publish
  Atr.publish_event(Atr::Event.new("organization.1234.post.created", "post.created", POST))
end

def broadcast
  ActionCable.server.broadcast(
    "organization.1234",
    { id: SecureRandom.hex, name: "post.created", occured_at: Time.now.utc, record: POST.attributes, record_type: "Post",
      routing_key: "organization.1234.post.created" }
  )
end

def measure(&block)
  GC.start
  clocks = [Process::CLOCK_MONOTONIC, Process::CLOCK_THREAD_CPUTIME_ID]
  before = clocks.map { |clock| Process.clock_gettime(clock) }
  CALLS.times(&block)
  clocks.zip(before).map { |clock, start| ((Process.clock_gettime(clock) - start) * 1e6 / CALLS).round(3) }
end

def flush
  Atr.flush(30) || raise("Redis does not take what is published")
end

CALLS.times { publish }
CALLS.times { broadcast }
flush
ROUNDS.times do
  ours = measure { publish }
  flush
  theirs = measure { broadcast }
  puts [*ours, *theirs].join(" ")
end
lost = Atr.publisher.stats.values_at(:dropped_full, :lost, :failed).sum
raise "#{lost} events were lost" unless lost.zero?
