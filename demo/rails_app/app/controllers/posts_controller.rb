class PostsController < ApplicationController
  PAGE = 500
  NOT_ASKED = %w[id marks created_at updated_at].freeze

  def index
    posts = Post.where("id > ?", params.fetch(:after, 0).to_i).order(:id).limit(limit)
    render json: posts.with_attached_file
  end

  def show
    render json: Post.find(params[:id])
  end

  def create
    render json: Post.create!(asked), status: :created
  end

  private

  def limit
    params.fetch(:limit, PAGE).to_i.clamp(1, PAGE)
  end

  # Whatever the posts of this version have.
  def asked
    params.permit(:file, *(Post.column_names - NOT_ASKED))
  end
end
