# frozen_string_literal: true

require "stringio"

module Atr
  class Request
    # Says a request as a Rack environment, with what Rails adds to one before any middleware: its keys for cookies above all.
    #
    # @api private
    module RackEnv
      # HTTP's two headers that Rack writes without `HTTP_`.
      BARE = { "content-type" => "CONTENT_TYPE", "content-length" => "CONTENT_LENGTH" }.freeze

      module_function

      # @param request [Request]
      # @return [Hash{String => Object}]
      def build(request)
        rails_env.merge(cgi(request), header_variables(request), rack(request))
      end

      def rails_env
        (defined?(::Rails.application) && ::Rails.application&.env_config) || {}
      end

      def cgi(request)
        {
          "REQUEST_METHOD" => request.request_method,
          "SCRIPT_NAME" => request.script_name,
          "PATH_INFO" => request.path,
          "QUERY_STRING" => request.query_string,
          "REQUEST_PATH" => request.script_name + request.path,
          "REQUEST_URI" => request.script_name + request.fullpath,
          "SERVER_NAME" => request.host,
          "SERVER_PORT" => request.port.to_s,
          "SERVER_PROTOCOL" => "HTTP/1.1",
          "REMOTE_ADDR" => request.peer_ip
        }
      end

      def header_variables(request)
        request.headers.to_h.transform_keys { |name| BARE.fetch(name) { "HTTP_#{name.upcase.tr("-", "_")}" } }
      end

      def rack(request)
        {
          "rack.version" => [1, 3],
          "rack.url_scheme" => request.scheme,
          "rack.input" => StringIO.new("".b),
          "rack.errors" => $stderr,
          "rack.multithread" => true,
          "rack.multiprocess" => false,
          "rack.run_once" => false,
          "rack.hijack?" => false,
          # So that ActionDispatch's remote_ip is ours too: its own believes every private address to be a proxy.
          "action_dispatch.remote_ip" => request.remote_ip
        }
      end
    end
  end
end
