Rails.application.routes.draw do
  get "/up", to: "health#show"
  get "/version", to: "health#show"
  resources :posts, only: %i[index show create]
end
