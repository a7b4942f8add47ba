class RemoveSubtitleFromPosts < ActiveRecord::Migration[6.1]
  def up
    remove_column :posts, :subtitle
  end
end
