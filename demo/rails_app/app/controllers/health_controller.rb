# Well with a database that answers: without one, no request but this would be.
class HealthController < ApplicationController
  def show
    ActiveRecord::Base.connection.select_value("SELECT 1")
    render plain: Posts::VERSION
  end
end
