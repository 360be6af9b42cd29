# Deploys: the trigger, its identity, and what is recorded of it. The build is written
# here and not in the repository's files: what runs with rights is the image of deploy/,
# by the digest that an operator applied, and never a file of the commit.

resource "google_pubsub_topic" "releases" {
  name = "releases"

  depends_on = [google_project_service.api]
}

# What was deployed and is good, a record for each commit. Nothing that a record holds can
# be changed by its writer: the role has no right to overwrite.
resource "google_storage_bucket" "releases" {
  name                        = "${var.project_id}-releases"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_iam_member" "releases" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])

  bucket = google_storage_bucket.releases.name
  role   = each.key
  member = "serviceAccount:${google_service_account.rollout.email}"
}

locals {
  deploys = local.builds || var.promote_from != null

  # Without it the precondition of the trigger deploy fails, which says what is missing.
  deploy_image = try(var.images["deploy"], "missing")

  # Each is a script of deploy/, in the image that deploys.
  deploy_steps = ["turn", "accept", "scan", "attest", "migrate", "rollout", "record"]

  scan_locations = { europe = "europe", asia = "asia", australia = "asia", me = "asia" }

  deploy_environment = merge(
    {
      PROJECT_ID    = var.project_id
      REGION        = var.region
      GRANULARITY   = local.granularity
      REPOSITORY    = local.substitutions._REPOSITORY
      BUILD_ID      = "$BUILD_ID"
      RELEASE_ID    = "$_RELEASE"
      RELEASE       = "/workspace/release.json"
      IMAGES        = "/workspace/images"
      RELEASES      = google_storage_bucket.releases.name
      PROMOTE_TO    = join(" ", var.promote_to)
      SCAN_LOCATION = lookup(local.scan_locations, split("-", var.region)[0], "us")
    },
    local.builds ? { TRIGGER = google_cloudbuild_trigger.build[0].trigger_id, BRANCH = var.branch } : {},
    var.promote_from == null ? {} : {
      FROM_RELEASES   = "${var.promote_from.project_id}-releases"
      FROM_REPOSITORY = "${var.promote_from.region}-docker.pkg.dev/${var.promote_from.project_id}/souk"
    },
    local.signs ? {
      ATTESTOR    = google_binary_authorization_attestor.pipeline[0].id
      KEY_VERSION = data.google_kms_crypto_key_version.pipeline[0].name
    } : {},
  )
}

resource "google_cloudbuild_trigger" "deploy" {
  count = local.deploys ? 1 : 0

  name            = "deploy"
  description     = "A release: checked, scanned, migrated to, rolled out, recorded."
  location        = var.region
  service_account = google_service_account.rollout.id
  substitutions   = { _RELEASE = "$(body.message.attributes.release)" }
  filter          = "_RELEASE.matches(\"^[0-9a-f-]{36,40}$\")"

  pubsub_config {
    topic = google_pubsub_topic.releases.id
  }

  approval_config {
    approval_required = var.environment == "prod"
  }

  build {
    # A rollout takes about 40 minutes, its turn may come late.
    timeout = "14400s"
    tags    = ["rollout"] # deploy/turn looks for it

    dynamic "step" {
      for_each = local.deploy_steps
      content {
        id         = step.value
        name       = local.deploy_image
        entrypoint = "/souk/deploy/${step.value}"
      }
    }

    options {
      logging = "CLOUD_LOGGING_ONLY"
      env     = [for name, value in local.deploy_environment : "${name}=${value}"]
    }
  }

  lifecycle {
    precondition {
      condition     = contains(keys(var.images), "deploy")
      error_message = "The pipeline needs images.deploy, the image that deploys: docs/deploy.md builds it."
    }
  }
}

resource "google_service_account" "rollout" {
  account_id   = "rollout"
  display_name = "The pipeline that deploys"

  depends_on = [google_project_service.api]
}

# On the project there is only what cannot be granted on less: log lines, scans and time
# series belong to no resource, builds have no policy of their own, and a Cloud Run service
# that does not exist yet, neither.
resource "google_project_iam_member" "rollout" {
  for_each = setunion(
    [
      "roles/logging.logWriter", "roles/ondemandscanning.admin", "roles/monitoring.viewer",
      "roles/cloudbuild.builds.viewer", "roles/run.viewer",
    ],
    local.signs ? ["roles/containeranalysis.occurrences.editor"] : [],
  )

  project = var.project_id
  role    = each.key
  member  = "serviceAccount:${google_service_account.rollout.email}"
}

# To scan images, and where they come from another environment to copy them here.
resource "google_artifact_registry_repository_iam_member" "rollout" {
  repository = google_artifact_registry_repository.images.repository_id
  location   = var.region
  role       = var.promote_from == null ? "roles/artifactregistry.reader" : "roles/artifactregistry.writer"
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

# Promotion -----------------------------------------------------------------------

locals {
  # The identity that deploys in another environment.
  rollout_in = {
    for project in concat(tolist(var.promote_to), var.promote_from[*].project_id) :
    project => "serviceAccount:rollout@${project}.iam.gserviceaccount.com"
  }
}

# Who takes over releases reads the records and the images.
resource "google_storage_bucket_iam_member" "promote_to" {
  for_each = var.promote_to

  bucket = google_storage_bucket.releases.name
  role   = "roles/storage.objectViewer"
  member = local.rollout_in[each.key]
}

resource "google_artifact_registry_repository_iam_member" "promote_to" {
  for_each = var.promote_to

  repository = google_artifact_registry_repository.images.repository_id
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = local.rollout_in[each.key]
}

# Who verifies releases announces them here; a person approves.
resource "google_pubsub_topic_iam_member" "promote_from" {
  count = var.promote_from == null ? 0 : 1

  topic  = google_pubsub_topic.releases.name
  role   = "roles/pubsub.publisher"
  member = local.rollout_in[var.promote_from.project_id]
}

# The smoke test of a new revision ------------------------------------------------

resource "google_service_account" "smoke" {
  account_id   = "smoke-test"
  display_name = "The job that asks new revisions; it has no rights"
}

# In the network, because the functions reject all other requests. All its requests take that way:
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
