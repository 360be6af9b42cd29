# Secrets, each readable by those who need it and by no others. Their values are in no
# state and no plan: an operator adds the first version (docs/runbooks/key-rotation.md).

locals {
  secrets = toset(flatten([for f in values(local.functions) : f.secrets]))

  # The secrets whose versions an operator adds, and the version that readers of each get.
  # Another version changes the template of a Cloud Run service, so it is rolled out and
  # taken back like an image: docs/adr/0041.
  operator_secrets = setunion(local.secrets, ["SYNTHETIC_PASSWORD"])
  secret_version   = { for name in local.operator_secrets : name => lookup(var.secret_versions, name, "1") }

  # Secret Manager accepts no first rotation that is less than 300 seconds in the future,
  # so a date in a file would stop the creation of every environment after it. An hour of
  # margin: an apply takes its time.
  # https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets#Rotation
  rotation_start_is_ahead = try(timecmp(var.key_rotation_start, timeadd(plantimestamp(), "1h")) > 0, false)
  rotation_by_default     = timeadd(plantimestamp(), "${var.key_rotation_days * 24}h")
  first_rotation          = local.rotation_start_is_ahead ? var.key_rotation_start : local.rotation_by_default
}

resource "google_secret_manager_secret" "secret" {
  for_each = local.secrets

  secret_id           = each.key
  version_destroy_ttl = "604800s" # a destroyed version can be had back for 7 days

  # In the shop's region alone.
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  # Secret Manager says when it is time, and what is said there raises an alert.
  dynamic "rotation" {
    for_each = each.key == "AUTH_SIGNING_KEYS" ? [1] : []
    content {
      next_rotation_time = local.first_rotation
      rotation_period    = "${var.key_rotation_days * 24 * 60 * 60}s"
    }
  }

  dynamic "topics" {
    for_each = each.key == "AUTH_SIGNING_KEYS" ? [1] : []
    content {
      name = google_pubsub_topic.key_rotation.id
    }
  }

  lifecycle {
    # Secret Manager moves it on with each rotation.
    ignore_changes = [rotation[0].next_rotation_time]
  }

  depends_on = [google_project_service.api, google_pubsub_topic_iam_member.key_rotation]
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = merge([
    for key, run in local.runs : { for secret in run.secrets : "${key} ${secret}" => { run = key, secret = secret } }
  ]...)

  secret_id = google_secret_manager_secret.secret[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.run[each.value.run].email}"
}

resource "google_pubsub_topic" "key_rotation" {
  name = "key-rotation"

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic_iam_member" "key_rotation" {
  topic  = google_pubsub_topic.key_rotation.name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:service-${local.project_number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
}

# Messages stay here until the keys are replaced: the alert key-rotation counts them.
# Secret Manager publishes every change of the secret to the topic; only a rotation that
# is due may count.
# https://cloud.google.com/secret-manager/docs/event-notifications#events
resource "google_pubsub_subscription" "key_rotation" {
  name                       = "key-rotation"
  topic                      = google_pubsub_topic.key_rotation.id
  filter                     = "attributes.eventType = \"SECRET_ROTATE\""
  message_retention_duration = "2678400s" # 31 days

  expiration_policy {
    ttl = ""
  }
}

# The one login with a password: the migration job's, which grants all others. Its value
# is write-only, so that neither plan nor state has it. To change it, raise
# migrate_password_version and apply with TF_VAR_migrate_password set.
resource "google_secret_manager_secret" "migrate_password" {
  secret_id = "DATABASE_PASSWORD"

  # In the shop's region alone.
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "migrate_password" {
  secret                 = google_secret_manager_secret.migrate_password.id
  secret_data_wo         = var.migrate_password
  secret_data_wo_version = var.migrate_password_version

  # A new password that is refused leaves the version that the job reads.
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "migrate_password" {
  secret_id = google_secret_manager_secret.migrate_password.id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.migrate.email}"
}
