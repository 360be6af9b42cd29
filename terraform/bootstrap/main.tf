# The bucket that holds the state of an environment. It is made once, by hand, with
# a state of its own that need not be kept: `terraform import` brings it back.
#
#   terraform -chdir=bootstrap init
#   terraform -chdir=bootstrap apply -var project_id=my-souk-dev -var bucket=my-souk-dev-terraform

terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 7"
    }
  }
}

variable "project_id" {
  description = "The project that the bucket belongs to."
  type        = string
}

variable "bucket" {
  description = "The bucket's name, unique in the world."
  type        = string
}

variable "location" {
  description = "Where the bucket is."
  type        = string
  default     = "EU"
}

provider "google" {
  project = var.project_id
}

resource "google_storage_bucket" "state" {
  name     = var.bucket
  location = var.location

  # The state describes the whole shop; it has the keys of alert channels.
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      num_newer_versions = 50
    }
    action {
      type = "Delete"
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

output "bucket" {
  description = "For env/ENVIRONMENT.backend.hcl."
  value       = google_storage_bucket.state.name
}
