# frozen_string_literal: true

require "rbconfig"
require_relative "server"

module Bench
  # The servers that are compared.
  module Kinds
    ATR = [RbConfig.ruby, "-I#{File.join(Tools::ROOT, "lib")}", File.join(Tools::ROOT, "exe", "atr_server"), "start"].freeze

    # As users run it: the command line, its broker a Redis, everything else by default.
    def self.atr_command(redis, namespace, *more)
      [*ATR, "--server_port=0", "--admin_port=0", "--broker=redis", "--redis_url=#{redis.url}", "--redis_namespace=#{namespace}", *more]
    end

    FLOOR = Server::Kind.new(
      name: "floor", label: "floor (raw epoll)", channel: "floor",
      command: ->(redis) { [Tools.program("floor"), "--redis", redis.address, "--channel", "floor"] }
    )

    PLAIN = Server::Kind.new(
      name: "atr", label: "atr", channel: "bench:{-}",
      command: ->(redis) { atr_command(redis, "bench") }
    )

    GATED = Server::Kind.new(
      name: "atr-gate", label: "atr, Ruby gate", channel: "gated:{organization.1234}", target: "/organization/1234?token=secret",
      accepts_only: true,
      command: ->(redis) { atr_command(redis, "gated", "--require=#{Tools.server("gate.rb")}") }
    )

    WS = Server::Kind.new(
      name: "ws", label: "ws on Node.js", channel: "ws",
      command: ->(_) { ["node", Tools.server("ws/server.mjs")] },
      environment: ->(redis) { { "REDIS_URL" => redis.url, "CHANNEL" => "ws", "NODE_ENV" => "production" } }
    )

    CABLE = Server::Kind.new(
      name: "cable", label: "Action Cable on Puma", channel: "cable", target: "/cable", protocol: "cable", heartbeat: true, slow: true,
      command: ->(_) { [RbConfig.ruby, "-S", "puma", "--bind", "tcp://127.0.0.1:0", "--threads", "5:5", Tools.server("cable.ru")] },
      environment: lambda do |redis|
        { "REDIS_URL" => redis.url, "CHANNEL" => "cable", "RACK_ENV" => "production", "RAILS_ENV" => "production", "RUBYOPT" => nil,
          "DATABASE_URL" => "sqlite3::memory:" }
      end
    )

    ALL = [FLOOR, PLAIN, GATED, WS, CABLE].to_h { |kind| [kind.name, kind] }.freeze
  end
end
