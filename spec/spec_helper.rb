# frozen_string_literal: true

require "timeout"
require "atr"

Dir[File.join(__dir__, "support", "{deadline,eventually,redis_server,websocket_client,server_process}.rb")].each { |file| require file }

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.order = :random
  Kernel.srand config.seed
  config.expect_with(:rspec) { |expectations| expectations.include_chain_clauses_in_custom_matcher_descriptions = true }
  config.mock_with(:rspec) { |mocks| mocks.verify_partial_doubles = true }
  config.shared_context_metadata_behavior = :apply_to_host_groups
  config.raise_errors_for_deprecations!
  # A forgotten `fit` must not make a whole run green.
  config.filter_run_when_matching(:focus) unless ENV["CI"]

  config.include Eventually

  # The last resort: an example that waits for what never comes fails, rather than hang the suite.
  config.around { |example| Timeout.timeout(example.metadata.fetch(:timeout, 120)) { example.run } }

  # `rake spec:gc_stress`: every allocation is a chance for the collector to take what nobody holds. Only young objects are
  # looked at (1): a full collection each time would take hours, and what native code forgets to hold is young.
  if ENV["RSPEC_GC_STRESS"]
    config.around do |example|
      GC.stress = 1
      example.run
    ensure
      GC.stress = false
    end
  end
end
