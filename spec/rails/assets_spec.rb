# frozen_string_literal: true

require "support/small_rails_app"

RSpec.describe "The browser client in a Rails app" do
  let(:shipped) { File.read(File.expand_path("../../app/assets/javascripts/atr.js", __dir__)) }

  describe "with Sprockets" do
    sprockets = {
      "engines/sprockets.rb" => 'require "sprockets/railtie"',
      "app/assets/config/manifest.js" => ""
    }

    before { skip "Sprockets is not installed" unless Gem.loaded_specs.key?("sprockets-rails") }

    it "is found as atr, and is served" do
      SmallRailsApp.open(sprockets) do |app|
        path, code = app.runner(<<~RUBY).value
          [ActionController::Base.helpers.asset_path("atr.js"), Rails.application.assets["atr.js"].to_s]
        RUBY
        expect(path).to match(%r{\A/assets/atr-\h+\.js\z})
        expect(code).to start_with(shipped[%r{.*^(?=//# sourceMappingURL)}m])
      end
    end

    it "is compiled with its source map" do
      SmallRailsApp.open(sprockets) do |app|
        names = app.runner(<<~RUBY, environment: "production").value
          manifest = Rails.application.assets_manifest
          manifest.compile(*Rails.application.config.assets.precompile)
          manifest.files.values.map { |file| file["logical_path"] }
        RUBY
        expect(names).to include("atr.js", "atr.js.map")
        compiled = Dir[File.join(app.root, "public/assets/atr-*.js")].map { |file| File.read(file) }
        expect(compiled).to match [start_with(shipped.lines.first)]
        map = compiled.first[%r{^//# sourceMappingURL=(?:/assets/)?(atr.js-\h+\.map)$}, 1]
        expect(File).to exist(File.join(app.root, "public/assets", map.to_s))
      end
    end
  end

  it "needs nothing of an app that has no assets" do
    SmallRailsApp.open do |app|
      result = app.runner("Rails.application.config.respond_to?(:assets)")
      expect([result.value, result.errors]).to eq [false, ""]
    end
  end
end
