# frozen_string_literal: true

Rails.application.routes.draw do
  root "organizations#index"

  resources :organizations, only: :show do
    resource :membership, only: %i[create destroy]
    resources :posts, only: %i[index create update destroy]
  end
end
