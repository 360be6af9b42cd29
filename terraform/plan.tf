# Plans of these files: of what a pull request proposes, and every day of what is applied.
# Two identities, neither of which may change anything. The first runs proposed files,
# which could send away whatever it may read: so it reads the state only.

resource "google_service_account" "plan" {
  account_id   = "pipeline-plan"
  display_name = "The pipeline that plans what is proposed"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "drift" {
  account_id   = "pipeline-drift"
  display_name = "The pipeline that compares the project with its files"

  depends_on = [google_project_service.api]
}

locals {
  state_bucket = coalesce(var.state_bucket, "${var.project_id}-terraform")

  planners = { plan = google_service_account.plan.email, drift = google_service_account.drift.email }

  plan_roles = {
    # The project's number, and log lines.
    plan = ["roles/logging.logWriter", "roles/browser"]
    # To read every resource and every policy. No payload of a secret is among that.
    drift = ["roles/logging.logWriter", "roles/viewer", "roles/iam.securityReviewer"]
  }

  # Its name in state_bucket is that in the repository, without terraform/: docs/deploy.md, step 8.
  variables_file = coalesce(var.variables_file, "env/${var.environment}.tfvars")

  plan_environment = [
    "PROJECT_ID=${var.project_id}", "STATE_BUCKET=${local.state_bucket}", "VARIABLES=${local.variables_file}",
    "SOURCE=/workspace",
  ]
}

resource "google_project_iam_member" "plan" {
  for_each = merge([
    for name, roles in local.plan_roles : {
      for role in roles : "${name} ${role}" => { role = role, email = local.planners[name] }
    }
  ]...)

  project = var.project_id
  role    = each.value.role
  member  = "serviceAccount:${each.value.email}"
}

# The state, and the copy of the variables beside it.
resource "google_storage_bucket_iam_member" "plan" {
  for_each = local.planners

  bucket = local.state_bucket
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${each.value}"
}

resource "google_cloudbuild_trigger" "plan" {
  count = var.repository == null ? 0 : 1

  name            = "plan"
  description     = "A pull request: planned, after a member's /gcbrun, for a plan reads the state."
  location        = var.region
  service_account = google_service_account.plan.id
  included_files  = ["terraform/**", "functions/functions.yaml"]

  repository_event_config {
    repository = var.repository
    pull_request {
      branch          = "^${var.branch}$"
      comment_control = "COMMENTS_ENABLED"
    }
  }

  build {
    timeout = "1200s"

    step {
      id         = "plan"
      name       = local.deploy_image
      entrypoint = "/souk/deploy/plan"
      args       = ["change"]
    }

    options {
      logging = "CLOUD_LOGGING_ONLY"
      env     = local.plan_environment
    }
  }
}

resource "google_pubsub_topic" "drift" {
  name = "drift"

  depends_on = [google_project_service.api]
}

resource "google_cloud_scheduler_job" "drift" {
  count = var.repository == null ? 0 : 1

  name        = "drift"
  region      = var.region
  description = "Has the project compared with its files."
  schedule    = "0 6 * * *"
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = google_pubsub_topic.drift.id
    attributes = { type = "schedule-due" }
  }

  retry_config {
    retry_count = 3
  }

  depends_on = [google_project_service.api]
}

resource "google_cloudbuild_trigger" "drift" {
  count = var.repository == null ? 0 : 1

  name            = "drift"
  description     = "Daily: fails and alerts when the project differs from the files on ${var.branch}."
  location        = var.region
  service_account = google_service_account.drift.id

  pubsub_config {
    topic = google_pubsub_topic.drift.id
  }

  source_to_build {
    repository = var.repository
    ref        = "refs/heads/${var.branch}"
    repo_type  = var.repository_type
  }

  build {
    timeout = "1200s"

    step {
      id         = "drift"
      name       = local.deploy_image
      entrypoint = "/souk/deploy/plan"
      args       = ["drift"]
    }

    options {
      logging = "CLOUD_LOGGING_ONLY"
      env     = local.plan_environment
    }
  }
}

# deploy/plan writes this word when there is a difference, and when it cannot know.
resource "google_logging_metric" "drift" {
  name        = "souk_terraform_drift"
  description = "Daily plans that were not empty, or failed."
  filter = join("", [
    "resource.type=\"build\" AND logName=\"projects/${var.project_id}/logs/cloudbuild\" AND ",
    "textPayload:\"terraform-drift:\"",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.api]
}
