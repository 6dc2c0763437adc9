# frozen_string_literal: true

Rails.application.routes.draw do
  get "login/:id", to: "sessions#create"
end
