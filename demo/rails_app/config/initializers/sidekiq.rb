# What Sidekiq 6.4 asks of it is deprecated in the Redis client that Debian has, and would be told every two seconds.
Redis.silence_deprecations = true

Sidekiq.configure_server { |config| config.redis = { url: ENV["REDIS_URL"] } }
Sidekiq.configure_client { |config| config.redis = { url: ENV["REDIS_URL"] } }
