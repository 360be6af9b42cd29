# Tests and builds: what starts them, and the identities that run a commit's code. They
# have no rights but to write logs and images. cloudbuild.yaml is what they do, deploy.tf
# what follows, docs/rollout.md describes both.

# Images go to the repository in project.tf. What builds share to be quick is apart
# from them: its tag moves, and theirs must not.
resource "google_artifact_registry_repository" "cache" {
  repository_id = "souk-cache"
  location      = var.region
  format        = "DOCKER"
  description   = "What builds keep for the next one. It may be deleted at any time."

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "1209600s" # 14 days
    }
  }

  depends_on = [google_project_service.api]
}

locals {
  registry = "${var.region}-docker.pkg.dev/${var.project_id}"

  # An environment that promotes builds nothing: it deploys what another has verified.
  builds = var.repository != null && var.promote_from == null

  substitutions = {
    _REPOSITORY = "${local.registry}/${google_artifact_registry_repository.images.repository_id}"
    _CACHE      = "${local.registry}/${google_artifact_registry_repository.cache.repository_id}"
  }
}

resource "google_cloudbuild_trigger" "build" {
  count = local.builds ? 1 : 0

  name            = "build"
  description     = "A commit on ${var.branch}: tested, built, announced to the trigger deploy."
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.build.id
  substitutions   = local.substitutions

  repository_event_config {
    repository = var.repository
    push {
      branch = "^${var.branch}$"
    }
  }
}

# A pull request is tested by an identity without permissions: its code has not been
# reviewed yet.
resource "google_cloudbuild_trigger" "check" {
  count = var.repository == null ? 0 : 1

  name            = "check"
  description     = "A pull request: tested. Others' wait for a member's /gcbrun."
  location        = var.region
  service_account = google_service_account.check.id

  repository_event_config {
    repository = var.repository
    pull_request {
      branch          = "^${var.branch}$"
      comment_control = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"
    }
  }

  build {
    timeout = "3600s"

    step {
      id         = "test"
      name       = "golang:1.26"
      entrypoint = "make"
      args       = ["test"]
    }

    step {
      id         = "lint"
      name       = "golang:1.26"
      entrypoint = "bash"
      args       = ["deploy/lint"]
    }

    options {
      logging      = "CLOUD_LOGGING_ONLY"
      machine_type = "E2_HIGHCPU_8"
    }
  }
}

resource "google_service_account" "build" {
  account_id   = "pipeline-build"
  display_name = "The pipeline that tests and builds"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "check" {
  account_id   = "pipeline-check"
  display_name = "The pipeline that tests what is proposed"

  depends_on = [google_project_service.api]
}

resource "google_project_iam_member" "build" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = "serviceAccount:${google_service_account.build.email}"
}

resource "google_project_iam_member" "check" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = "serviceAccount:${google_service_account.check.email}"
}

resource "google_artifact_registry_repository_iam_member" "build" {
  for_each = {
    images = google_artifact_registry_repository.images.repository_id
    cache  = google_artifact_registry_repository.cache.repository_id
  }

  repository = each.value
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = "serviceAccount:${google_service_account.build.email}"
}

# To announce a release. A message forces nothing: deploy/accept asks Cloud Build.
resource "google_pubsub_topic_iam_member" "build" {
  topic  = google_pubsub_topic.releases.name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${google_service_account.build.email}"
}

# Where `gcloud builds submit` puts the source of a build by hand. The bucket that it
# creates by itself is closed to an identity without rights.
resource "google_storage_bucket" "source" {
  name                        = "${var.project_id}-build-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_iam_member" "source" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${google_service_account.build.email}"
}
