class CreatePosts < ActiveRecord::Migration[6.1]
  def change
    create_table :posts do |t|
      t.string :title, null: false
      t.text :body
      t.integer :marks, null: false, default: 0
      t.timestamps
    end
  end
end
