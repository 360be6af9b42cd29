# The synthetic order: a test customer orders every five minutes, and during rollouts.
# docs/operations.md describes it.

# Also without synthetic_order: the password is added before the job that reads it is
# created (docs/deploy.md).
resource "google_secret_manager_secret" "synthetic_password" {
  secret_id = "SYNTHETIC_PASSWORD"

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

resource "google_service_account" "synthetic_order" {
  count = var.synthetic_order == null ? 0 : 1

  account_id   = "synthetic-order"
  display_name = "The job that orders as a test customer"
}

# All that it has is the password: it calls the shop as customers do, from outside.
resource "google_secret_manager_secret_iam_member" "synthetic_password" {
  count = var.synthetic_order == null ? 0 : 1

  secret_id = google_secret_manager_secret.synthetic_password.id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.synthetic_order[0].email}"
}

resource "google_cloud_run_v2_job" "synthetic_order" {
  count = var.synthetic_order == null ? 0 : 1

  name                = "synthetic-order"
  location            = var.region
  deletion_protection = false

  template {
    task_count = 1

    template {
      service_account = google_service_account.synthetic_order[0].email
      max_retries     = 0 # the next one comes in five minutes
      timeout         = "240s"

      containers {
        image = var.images["souk"]
        args  = ["synthetic-order"]

        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }

        dynamic "env" {
          for_each = {
            SHOP_URL          = "https://${var.domain}"
            SYNTHETIC_EMAIL   = var.synthetic_order.email
            SYNTHETIC_PRODUCT = var.synthetic_order.product_id
          }
          content {
            name  = env.key
            value = env.value
          }
        }

        env {
          name = "SYNTHETIC_PASSWORD"
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.synthetic_password.secret_id
              version = local.secret_version["SYNTHETIC_PASSWORD"]
            }
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version, annotations]
  }

  depends_on = [google_secret_manager_secret_iam_member.synthetic_password]
}

resource "google_service_account" "synthetic_schedule" {
  count = var.synthetic_order == null ? 0 : 1

  account_id   = "synthetic-schedule"
  display_name = "Cloud Scheduler, when it starts the synthetic order"
}

# The schedule may start the job, and the pipeline may start it with more orders.
resource "google_cloud_run_v2_job_iam_member" "synthetic_order" {
  for_each = var.synthetic_order == null ? {} : {
    schedule = {
      role   = "roles/run.jobsExecutor"
      member = "serviceAccount:${google_service_account.synthetic_schedule[0].email}"
    }
    rollout = { role = "roles/run.viewer", member = "serviceAccount:${google_service_account.rollout.email}" }
    arguments = {
      role   = "roles/run.jobsExecutorWithOverrides"
      member = "serviceAccount:${google_service_account.rollout.email}"
    }
  }

  name     = google_cloud_run_v2_job.synthetic_order[0].name
  location = var.region
  role     = each.value.role
  member   = each.value.member
}

resource "google_cloud_scheduler_job" "synthetic_order" {
  count = var.synthetic_order == null ? 0 : 1

  name        = "synthetic-order"
  region      = var.region
  description = "Has a test customer order."
  schedule    = "*/5 * * * *"
  time_zone   = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.synthetic_order[0].id}:run"

    oauth_token {
      service_account_email = google_service_account.synthetic_schedule[0].email
    }
  }

  retry_config {
    retry_count = 0
  }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "order_placed" {
  name        = "souk_orders_placed"
  description = "Orders that were placed. Business figures leave out synthetic ones."
  filter      = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"order placed\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key        = "synthetic"
      value_type = "STRING"
    }
  }

  label_extractors = { synthetic = "EXTRACT(jsonPayload.synthetic)" }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "synthetic_order" {
  name        = "souk_synthetic_orders"
  description = "Synthetic orders, by outcome."
  filter      = "resource.type=\"cloud_run_job\" AND jsonPayload.message=\"the synthetic order ended\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key        = "outcome"
      value_type = "STRING"
    }
  }

  label_extractors = { outcome = "EXTRACT(jsonPayload.outcome)" }

  depends_on = [google_project_service.api]
}
