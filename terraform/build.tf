# The pipeline: what starts it, and what its identity may do. cloudbuild.yaml is what
# it does, docs/rollout.md tells it in words.

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

  substitutions = {
    _REPOSITORY    = "${local.registry}/${google_artifact_registry_repository.images.repository_id}"
    _CACHE         = "${local.registry}/${google_artifact_registry_repository.cache.repository_id}"
    _GRANULARITY   = local.granularity
    _SCAN_LOCATION = lookup({ europe = "europe", asia = "asia", australia = "asia", me = "asia" }, split("-", var.region)[0], "us")
  }
}

resource "google_cloudbuild_trigger" "rollout" {
  count = var.repository == null ? 0 : 1

  name            = "rollout"
  description     = "A commit on ${var.branch}: tested, built, scanned, rolled out."
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.rollout.id
  substitutions   = local.substitutions

  repository_event_config {
    repository = var.repository
    push {
      branch = "^${var.branch}$"
    }
  }
}

# What somebody proposes is tested by an identity that may do nothing: its code is
# nobody's yet.
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

resource "google_service_account" "rollout" {
  account_id   = "rollout"
  display_name = "The pipeline that rolls out"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "check" {
  account_id   = "pipeline-check"
  display_name = "The pipeline that tests what is proposed"

  depends_on = [google_project_service.api]
}

# On the project there is only what cannot be given on less: log lines, scans and time
# series belong to no resource, and builds have no policy of their own.
resource "google_project_iam_member" "rollout" {
  for_each = toset(["roles/logging.logWriter", "roles/ondemandscanning.admin", "roles/monitoring.viewer", "roles/cloudbuild.builds.viewer"])

  project = var.project_id
  role    = each.key
  member  = "serviceAccount:${google_service_account.rollout.email}"
}

resource "google_project_iam_member" "check" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = "serviceAccount:${google_service_account.check.email}"
}

resource "google_artifact_registry_repository_iam_member" "rollout" {
  for_each = {
    images = google_artifact_registry_repository.images.repository_id
    cache  = google_artifact_registry_repository.cache.repository_id
  }

  repository = each.value
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = "serviceAccount:${google_service_account.rollout.email}"
}

# New revisions, and who gets the requests: of the functions, one by one.
resource "google_cloud_run_v2_service_iam_member" "rollout" {
  for_each = local.runs

  name     = google_cloud_run_v2_service.function[each.key].name
  location = var.region
  role     = "roles/run.developer"
  member   = "serviceAccount:${google_service_account.rollout.email}"
}

resource "google_cloud_run_v2_job_iam_member" "rollout" {
  for_each = {
    "migrate developer" = { job = google_cloud_run_v2_job.migrate.name, role = "roles/run.developer" }
    "smoke developer"   = { job = google_cloud_run_v2_job.smoke.name, role = "roles/run.developer" }
    # What is to be asked differs from run to run.
    "smoke arguments" = { job = google_cloud_run_v2_job.smoke.name, role = "roles/run.jobsExecutorWithOverrides" }
  }

  name     = each.value.job
  location = var.region
  role     = each.value.role
  member   = "serviceAccount:${google_service_account.rollout.email}"
}

# Who deploys a function must be allowed to act as it. No other identity: not as the
# one that the project was given by default, which is an editor.
resource "google_service_account_iam_member" "rollout" {
  for_each = merge(
    { for key, run in local.runs : key => google_service_account.run[key].name },
    { migrate = google_service_account.migrate.name, smoke = google_service_account.smoke.name },
  )

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${google_service_account.rollout.email}"
}

# The smoke test of a new revision ------------------------------------------------

resource "google_service_account" "smoke" {
  account_id   = "smoke-test"
  display_name = "The job that asks new revisions; it has no rights"
}

# In the network, for the functions answer nobody else. All its requests take that way:
# the addresses of Cloud Run are public ones, and only what comes through the network
# counts as internal.
# https://cloud.google.com/run/docs/securing/private-networking#from-other-services
resource "google_cloud_run_v2_job" "smoke" {
  name                = "smoke"
  location            = var.region
  deletion_protection = false

  template {
    task_count = 1

    template {
      service_account = google_service_account.smoke.email
      max_retries     = 0 # it asks again itself
      timeout         = "1800s"

      vpc_access {
        egress = "ALL_TRAFFIC"
        network_interfaces {
          network    = google_compute_network.shop.id
          subnetwork = google_compute_subnetwork.functions.id
        }
      }

      containers {
        image = var.images["souk"]
        args  = ["rollout", "smoke", "--help"] # the pipeline gives others

        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].template[0].containers[0].image, client, client_version, annotations]
  }
}
