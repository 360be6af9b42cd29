# Ask for what the code was checked with: providers 7 and later rename fields.
terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 7"
    }
  }

  # Its bucket comes from env/ENVIRONMENT.backend.hcl:
  #   terraform init -backend-config=env/dev.backend.hcl
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region

  # Budgets are billed to a project that has the API, which the caller's own may not.
  user_project_override = true
  billing_project       = var.project_id

  default_labels = {
    app         = "souk"
    environment = var.environment
  }
}
