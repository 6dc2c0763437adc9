# frozen_string_literal: true

# Which events may it see? Those whose routing key begins with `organization.<id>`: the publication scope of Post.
class WebsocketScope < Atr::RequestScope
  VALID_SCOPE_KEYS = ["organization"].freeze

  def valid?
    segs.size == 2 && VALID_SCOPE_KEYS.include?(segs[0]) && segs[1].match?(/\A[1-9][0-9]*\z/)
  end

  def routing_key
    segs.join(".")
  end

  private

  # /organization/1 → ["organization", "1"]
  def segs
    @segs ||= request.url.split("/").reject(&:empty?)
  end
end
