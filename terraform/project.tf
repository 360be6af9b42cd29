# The APIs that the shop uses, and the project's own numbers.

locals {
  apis = setunion([
    "artifactregistry", "billingbudgets", "cloudbuild", "cloudscheduler", "cloudtrace", "compute", "iam", "iap",
    "logging", "monitoring", "ondemandscanning", "pubsub", "run", "secretmanager", "servicenetworking", "sqladmin",
    "storage", "telemetry",
    ], local.signs ? ["binaryauthorization", "cloudkms", "containeranalysis"] : [],
    local.exports ? ["workflowexecutions", "workflows"] : [],
  )
}

resource "google_project_service" "api" {
  for_each = local.apis

  service = "${each.key}.googleapis.com"
  # Another user of the project may need it.
  disable_on_destroy = false
}

data "google_project" "this" {}

locals {
  project_number = data.google_project.this.number
  # Google's own account that delivers messages.
  pubsub_agent = "serviceAccount:service-${local.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# Images go here; the pipeline pushes them.
resource "google_artifact_registry_repository" "images" {
  repository_id = "souk"
  location      = var.region
  format        = "DOCKER"
  description   = "One image a service, and souk."

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 100 # an image, its index and its attestations are three
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }

  depends_on = [google_project_service.api]
}
