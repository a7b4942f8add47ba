# Its job counts how often it has been done for it: `marks`.
class Post < ApplicationRecord
  has_one_attached :file

  validates :title, presence: true

  after_create_commit { MarkJob.perform_later(self) }

  def as_json(*)
    super.merge("file" => file_path)
  end

  private

  def file_path
    Rails.application.routes.url_helpers.rails_storage_proxy_path(file, only_path: true) if file.attached?
  end
end
