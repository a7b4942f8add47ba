threads_count = ENV.fetch("RAILS_MAX_THREADS", 5)
threads threads_count, threads_count
bind "tcp://0.0.0.0:#{ENV.fetch("PORT", 3000)}"
