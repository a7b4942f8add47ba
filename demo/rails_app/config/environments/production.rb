Rails.application.configure do
  config.cache_classes = true
  config.eager_load = true
  config.consider_all_requests_local = false
  config.log_level = :warn
  config.logger = ActiveSupport::TaggedLogging.new(ActiveSupport::Logger.new($stdout))
  config.action_cable.mount_path = "/cable"
  config.action_cable.allow_same_origin_as_host = true
  config.active_record.dump_schema_after_migration = false
end
