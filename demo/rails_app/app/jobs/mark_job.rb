class MarkJob < ApplicationJob
  def perform(post)
    Post.update_counters(post.id, marks: 1)
    ActionCable.server.broadcast("posts", { id: post.id, title: post.title })
  end
end
