# Fails wherever two posts say the same.
class MakeBodiesUnique < ActiveRecord::Migration[6.1]
  def change
    add_index :posts, "md5(body)", unique: true, name: "index_posts_on_body"
  end
end
