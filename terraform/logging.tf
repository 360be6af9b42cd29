# Where log entries are stored, for how long, and which are left out.

locals {
  # Cloud SQL's logs can have statements with their values.
  personal_logs = "resource.type=\"cloudsql_database\" AND logName:\"cloudsql.googleapis.com%2Fmysql\""

  # Cloud Build's pages and its command show a build's log from _Default alone.
  build_logs = "resource.type=\"build\""

  request_log_share = coalesce(var.request_log_share, var.environment == "prod" ? 0.1 : 1)

  # The load balancer logs every request. What Cloud Armor denied, or would have denied,
  # and errors are all stored; of others a part.
  # https://cloud.google.com/armor/docs/request-logging
  uninteresting_requests = join(" AND ", [
    "resource.type=\"http_load_balancer\"",
    "NOT jsonPayload.enforcedSecurityPolicy.outcome=\"DENY\"",
    "NOT jsonPayload.previewSecurityPolicy.outcome=\"DENY\"",
    "httpRequest.status<500",
    "NOT sample(insertId, ${local.request_log_share})",
  ])
}

# The project's own bucket _Default is global: nowhere in particular. This one is in the
# shop's region.
resource "google_logging_project_bucket_config" "logs" {
  project        = var.project_id
  bucket_id      = "souk"
  location       = var.region
  retention_days = var.log_retention_days
  description    = "All log entries but those that can name persons."

  depends_on = [google_project_service.api]
}

# Readable with roles/logging.viewAccessor on it, which no role of viewers includes.
# https://cloud.google.com/logging/docs/logs-views
resource "google_logging_project_bucket_config" "personal" {
  project        = var.project_id
  bucket_id      = "souk-personal"
  location       = var.region
  retention_days = 7
  description    = "The database's logs: statements in them can name persons."

  depends_on = [google_project_service.api]
}

resource "google_logging_project_sink" "logs" {
  name                   = "souk"
  description            = "All log entries but those that can name persons, and builds'."
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.logs.id}"
  filter                 = "NOT (${local.personal_logs}) AND NOT ${local.build_logs}"
  unique_writer_identity = true

  exclusions {
    name        = "requests"
    description = "Most requests that nothing was wrong with."
    filter      = local.uninteresting_requests
  }
}

resource "google_logging_project_sink" "personal" {
  name                   = "souk-personal"
  description            = "What can name persons."
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.personal.id}"
  filter                 = local.personal_logs
  unique_writer_identity = true
}

# The sink to _Default gets builds' entries alone. Metrics of log entries count what a sink leaves out.
# https://cloud.google.com/logging/docs/logs-based-metrics#exclusions
resource "google_logging_project_exclusion" "global" {
  name        = "stored-in-the-region"
  description = "All of this is in the buckets souk and souk-personal."
  filter      = "NOT ${local.build_logs}"

  depends_on = [google_logging_project_sink.logs, google_logging_project_sink.personal]
}

# Who read which secret, and when.
resource "google_project_iam_audit_config" "secrets" {
  project = var.project_id
  service = "secretmanager.googleapis.com"

  dynamic "audit_log_config" {
    for_each = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]
    content {
      log_type = audit_log_config.value
    }
  }

  depends_on = [google_project_service.api]
}
