class Post < ::ActiveRecord::Base
  include ::Atr::Publishable
  publication_scope :organization_id
end
