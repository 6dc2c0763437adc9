# frozen_string_literal: true

require "support/small_rails_app"

RSpec.describe "The views of a Rails app" do
  around { |example| SmallRailsApp.open { |app| (@app = app) && example.run } }

  it "have the positions of scopes" do
    page = @app.runner(<<~'RUBY', environment: "test").value
      Atr.publish("post.shared", 1, scope: "organization.1")
      ActionController::Base.render(inline: '<%= atr_positions_tag("organization.1", ["user", 7]) %>')
    RUBY
    positions = "{&quot;organization.1&quot;:&quot;0000000000000000:1&quot;,&quot;user.7&quot;:&quot;0000000000000000:0&quot;}"
    expect(page).to match(%r{\A<meta name="atr-positions" content="#{Regexp.escape(positions)}" ?/?>\z})
  end

  it "are rendered all the same where no broker can be reached" do
    page = @app.runner(<<~'RUBY', REDIS_URL: "redis://127.0.0.1:1").value
      ActionController::Base.render(inline: '<%= atr_positions_tag("organization.1") %>')
    RUBY
    expect(page).to match(%r{\A<meta name="atr-positions" content="{}" ?/?>\z})
    expect(@app.log).to match(/atr: the positions are not known/)
  end
end
