# frozen_string_literal: true

# insert_all! runs no callbacks: nobody needs to be told of what was there before the first visitor.
{
  "Harbour Bakery" => {
    tagline: "Bread, boats and early mornings",
    posts: {
      "Rye is back" => "The mill delivered at last. Two batches on Thursday, and one loaf kept aside for the pilot station.",
      "New oven, old recipe" => "It holds its heat so well that the crust needs four minutes less. Please mind the timer."
    }
  },
  "Alpine Cycling Club" => {
    tagline: "Up before the sun, down before the rain",
    posts: {
      "Saturday: the north pass" => "We meet at six by the fountain. Lights on until the tunnel, and bring a jacket for the way down.",
      "Spare tubes" => "The box in the shed is empty again. Whoever took the last one buys the next ten."
    }
  }
}.each do |name, organization|
  next if Organization.exists?(name: name)

  id = Organization.create!(name: name, tagline: organization[:tagline]).id
  posts = organization[:posts].map.with_index do |(title, body), index|
    time = (organization[:posts].size - index).hours.ago
    { organization_id: id, title: title, body: body, created_at: time, updated_at: time }
  end
  Post.insert_all!(posts)
end
