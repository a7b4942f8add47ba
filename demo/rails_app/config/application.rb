require_relative "boot"

require "rails"
require "active_model/railtie"
require "active_job/railtie"
require "active_record/railtie"
require "active_storage/engine"
require "action_controller/railtie"
require "action_cable/engine"

Bundler.require(*Rails.groups)

module Posts
  VERSION = File.read(File.expand_path("../VERSION", __dir__)).strip

  class Application < Rails::Application
    config.load_defaults 6.1
    config.active_job.queue_adapter = :sidekiq
    config.active_storage.service = :local
    config.active_storage.resolve_model_to_route = :rails_storage_proxy
    config.action_dispatch.default_headers["X-Version"] = VERSION
  end
end
