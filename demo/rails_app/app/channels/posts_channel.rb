# Tells of each post when its job is done, and answers whoever asks for an echo.
class PostsChannel < ApplicationCable::Channel
  def subscribed
    stream_from "posts"
  end

  def echo(data)
    transmit({ echo: data["number"], version: Posts::VERSION })
  end
end
