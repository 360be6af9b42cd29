# Alerts, each with its runbook in it; the metrics that they need; uptime checks,
# and a budget.

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [google_project_service.api]
}

# Who is called at night: PagerDuty by its key, or Opsgenie and others by a webhook.
resource "google_monitoring_notification_channel" "pager" {
  for_each = nonsensitive(toset([for name, value in local.pagers : name if value != null]))

  display_name = "On call (${each.key})"
  type         = each.key == "pagerduty" ? "pagerduty" : "webhook_tokenauth"
  labels       = each.key == "pagerduty" ? {} : { url = local.pagers[each.key] }

  dynamic "sensitive_labels" {
    for_each = each.key == "pagerduty" ? [1] : []
    content {
      service_key = local.pagers[each.key]
    }
  }

  depends_on = [google_project_service.api]
}

# Every alert as a message, for whatever else wants it.
resource "google_pubsub_topic" "alerts" {
  count = var.alert_topic ? 1 : 0

  name = "alerts"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_notification_channel" "topic" {
  count = var.alert_topic ? 1 : 0

  display_name = "Pub/Sub"
  type         = "pubsub"
  labels       = { topic = google_pubsub_topic.alerts[0].id }
}

# This identity of Google's exists once there is a channel.
# https://cloud.google.com/monitoring/support/notification-options#pubsub
resource "google_pubsub_topic_iam_member" "alerts" {
  count = var.alert_topic ? 1 : 0

  topic  = google_pubsub_topic.alerts[0].name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:service-${local.project_number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"

  depends_on = [google_monitoring_notification_channel.topic]
}

locals {
  pagers = { pagerduty = var.pagerduty_service_key, webhook = var.alert_webhook }

  emails = [for channel in google_monitoring_notification_channel.email : channel.id]

  # By severity: everything is mailed and published, and what customers notice calls.
  notify = {
    for severity in ["CRITICAL", "ERROR", "WARNING"] : severity => concat(
      local.emails,
      google_monitoring_notification_channel.topic[*].id,
      contains(var.page_severities, severity) ? values(google_monitoring_notification_channel.pager)[*].id : [],
    )
  }

  # At the end of each notification.
  escalation = { for severity, steps in {
    CRITICAL = join("", [
      "Customers notice it. Acknowledge within 15 minutes, at any hour: else the next person on call is called. Not ",
      "mitigated within 30 minutes: call the owner of the service.",
    ])
    ERROR = join("", [
      "It becomes critical if it stays. Acknowledge within an hour, at night by the next morning. Not solved within ",
      "a day: the owner of the service decides.",
    ])
    WARNING = "Plan it for the next working days. No one is called for it."
  } : severity => "## Escalation (${severity})\n\n${steps}\n" }

  runbooks = "${path.module}/../docs/runbooks"

  # The whole runbook is in the notification: who is woken has it at hand. Cloud
  # Monitoring takes 8 KB.
  runbook = {
    for name in distinct(concat(keys(local.alerts), values(local.slos)[*].runbook)) :
    name => "Runbook: docs/runbooks/${name}.md\n\n${file("${local.runbooks}/${name}.md")}"
  }

  # Each by PromQL, and by the name of its runbook. A metric that is absent counts as
  # zero where zero is the trouble ("or vector(0)").
  alerts = merge({
    dead-letters = {
      title    = "Messages ended as dead letters"
      severity = "ERROR"
      wait     = "0s"
      query = join("", [
        "sum by (subscription_id) ",
        "(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\", ",
        "subscription_id=~\".+[.]dead-letter\"}) > 0",
      ])
    }
    unacked-messages = {
      title    = "A message has waited for more than ten minutes"
      severity = "ERROR"
      wait     = "120s"
      query = join("", [
        "max by (subscription_id) ",
        "(pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\", ",
        "subscription_id!~\".+[.]dead-letter|key-rotation\"}) > 600",
      ])
    }
    outbox-stuck = {
      title    = "An event has not been published for five minutes"
      severity = "CRITICAL"
      wait     = "0s"
      query = join("", [
        "histogram_quantile(1, sum by (le) ",
        "(increase(logging_googleapis_com:user_${google_logging_metric.outbox_left.name}_bucket{",
        "monitored_resource=\"cloud_run_revision\"}[10m]))) > 300",
      ])
    }
    schedule-silent = {
      title    = "A scheduled function has not been triggered for 15 minutes"
      severity = "ERROR"
      wait     = "300s"
      # Of the outboxes, which are due every minute, one a service.
      query = join("", [
        "(count(sum by (topic_id) ",
        "(increase(pubsub_googleapis_com:topic_send_message_operation_count{monitored_resource=\"pubsub_topic\", ",
        "topic_id=~\".+-outbox\"}[15m])) > 0) or vector(0)) < ",
        "${length([for name, f in local.scheduled : name if endswith(name, "-outbox")])}",
      ])
    }
    terraform-drift = {
      title    = "The project differs from Terraform's files"
      severity = "WARNING"
      wait     = "0s"
      query = join("", [
        "sum(increase(logging_googleapis_com:user_${google_logging_metric.drift.name}{",
        "monitored_resource=\"build\"}[2h])) > 0",
      ])
    }
    orders-stopped = {
      title    = "Orders are placed, but none is decided"
      severity = "CRITICAL"
      wait     = "300s"
      # With the synthetic order there are three in 15 minutes, also at night.
      query = join("", [
        "(sum(increase(logging_googleapis_com:user_${google_logging_metric.order_placed.name}{",
        "monitored_resource=\"cloud_run_revision\"}[15m])) or vector(0)) > 1 and ",
        "(sum(increase(${local.prom_decided}{monitored_resource=\"cloud_run_revision\"}[15m])) or vector(0)) == 0",
      ])
    }
    panics = {
      title    = "A function panicked"
      severity = "ERROR"
      wait     = "0s"
      query = join("", [
        "sum by (service_name) ",
        "(increase(logging_googleapis_com:user_${google_logging_metric.panics.name}{",
        "monitored_resource=\"cloud_run_revision\"}[10m])) > 0",
      ])
    }
    database-down = {
      title    = "The database does not respond"
      severity = "CRITICAL"
      wait     = "120s"
      query = join("", [
        "min by (database_id) (cloudsql_googleapis_com:database_up{monitored_resource=\"cloudsql_database\"}) < 1",
      ])
    }
    database-connections = {
      title    = "The database is running out of connections"
      severity = "ERROR"
      wait     = "300s"
      query = join("", [
        "max by (database_id) ",
        "(cloudsql_googleapis_com:database_network_connections{monitored_resource=\"cloudsql_database\"}) > ",
        "${floor(0.8 * local.database.max_connections)}",
      ])
    }
    database-disk = {
      title    = "The database's disk is nearly full"
      severity = "ERROR"
      wait     = "900s"
      query = join("", [
        "max by (database_id) ",
        "(cloudsql_googleapis_com:database_disk_utilization{monitored_resource=\"cloudsql_database\"}) > 0.85",
      ])
    }
    key-rotation = {
      title    = "The keys that sign access tokens are due to be replaced"
      severity = "WARNING"
      wait     = "0s"
      query = join("", [
        "max(pubsub_googleapis_com:subscription_num_undelivered_messages{",
        "monitored_resource=\"pubsub_subscription\", ",
        "subscription_id=\"${google_pubsub_subscription.key_rotation.name}\"}) > 0",
      ])
    }
    shop-unreachable = {
      title    = "The shop cannot be reached from outside"
      severity = "CRITICAL"
      wait     = "120s"
      query = join("", [
        "avg by (check_id) (monitoring_googleapis_com:uptime_check_check_passed{monitored_resource=\"uptime_url\", ",
        "host=\"${var.domain}\"}) < 0.5",
      ])
    }
    },
    var.database.replica ? {
      replica-lag = {
        title    = "The read replica is more than a minute behind"
        severity = "WARNING"
        wait     = "300s"
        query = join("", [
          "max(cloudsql_googleapis_com:database_replication_replica_lag{monitored_resource=\"cloudsql_database\"}) ",
          "> 60",
        ])
      }
    } : {},
    local.exports ? {
      database-export = {
        title    = "A database has not been exported for 26 hours"
        severity = "ERROR"
        # A query may look back for a day. Two hours without a success in it are 26.
        wait = "7200s"
        query = join("", [
          "(count(sum by (workflow_id) ",
          "(increase(workflows_googleapis_com:finished_execution_count{",
          "monitored_resource=\"workflows.googleapis.com/Workflow\", workflow_id=~\"export-.+\", ",
          "status=\"SUCCEEDED\"}[24h])) > 0) or vector(0)) < ${length(local.exported)}",
        ])
      }
    } : {},
    # A line about an order is repeated every ten minutes while it is so.
    local.has_payments ? {
      order-not-confirmed = {
        title    = "An order is paid, but not confirmed"
        severity = "CRITICAL"
        wait     = "0s"
        query = join("", [
          "sum(increase(logging_googleapis_com:user_${google_logging_metric.payment_mismatch["not-confirmed"].name}{",
          "monitored_resource=\"cloud_run_revision\"}[15m])) > 0",
        ])
      }
      order-not-paid = {
        title    = "An order is confirmed, but not paid"
        severity = "ERROR"
        wait     = "0s"
        query = join("", [
          "sum(increase(logging_googleapis_com:user_${google_logging_metric.payment_mismatch["not-paid"].name}{",
          "monitored_resource=\"cloud_run_revision\"}[15m])) > 0",
        ])
      }
    } : {},
    var.orders_expected_within > 0 ? {
      no-orders = {
        title    = "No order was decided for ${var.orders_expected_within} hours"
        severity = "ERROR"
        wait     = "0s"
        query = join("", [
          "(sum(increase(${local.prom_decided}{monitored_resource=\"cloud_run_revision\", ",
          "synthetic=\"false\"}[${var.orders_expected_within}h])) or vector(0)) == 0",
        ])
      }
    } : {},
    var.synthetic_order == null ? {} : {
      synthetic-order = {
        title    = "No synthetic order has succeeded for 20 minutes"
        severity = "CRITICAL"
        wait     = "0s"
        query = join("", [
          "(sum(increase(logging_googleapis_com:user_${google_logging_metric.synthetic_order.name}{",
          "monitored_resource=\"cloud_run_job\", outcome=\"succeeded\"}[20m])) or vector(0)) == 0",
        ])
      }
    },
  )

  prom_requests = "loadbalancing_googleapis_com:https_request_count"
  prom_paid     = "logging_googleapis_com:user_${google_logging_metric.order_paid.name}"
  prom_decided  = "logging_googleapis_com:user_${google_logging_metric.order_decided.name}_count"
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = {
    for name, alert in local.alerts : name => alert
    if local.profile.alerts == null || contains(coalesce(local.profile.alerts, []), name)
  }

  display_name          = each.value.title
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = local.notify[each.value.severity]

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.wait
      evaluation_interval = "60s"
      # A metric exists only once something was measured: on the first day, none does.
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Souk ${var.environment}: ${each.value.title}"
    content   = "${local.runbook[each.key]}\n\n${local.escalation[each.value.severity]}"
  }

  depends_on = [google_project_service.api]
}

# Log-based metrics -------------------------------------------------------------------

resource "google_logging_metric" "order_decided" {
  name            = "souk_order_decided_seconds"
  description     = "From an order's being placed to its being confirmed, awaiting payment or rejected."
  filter          = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"order decided\""
  value_extractor = "EXTRACT(jsonPayload.seconds)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"

    labels {
      key        = "status"
      value_type = "STRING"
    }

    labels {
      key        = "synthetic"
      value_type = "STRING"
    }
  }

  label_extractors = { status = "EXTRACT(jsonPayload.status)", synthetic = "EXTRACT(jsonPayload.synthetic)" }

  bucket_options {
    explicit_buckets {
      bounds = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 1800]
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "order_paid" {
  name            = "souk_order_paid_seconds"
  description     = "From the provider's report of a payment to the order's being confirmed."
  filter          = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"order paid\""
  value_extractor = "EXTRACT(jsonPayload.seconds)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"

    labels {
      key        = "synthetic"
      value_type = "STRING"
    }
  }

  label_extractors = { synthetic = "EXTRACT(jsonPayload.synthetic)" }

  bucket_options {
    explicit_buckets {
      bounds = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 1800]
    }
  }

  depends_on = [google_project_service.api]
}

# Payments that disagree with their orders: payment-reconcile logs each every ten minutes.
resource "google_logging_metric" "payment_mismatch" {
  for_each = {
    not-confirmed = "jsonPayload.message=\"order paid but not confirmed\""
    not-paid      = "jsonPayload.message=\"order confirmed but not paid\""
  }

  name        = "souk_order_${replace(each.key, "-", "_")}"
  description = "Log entries about orders and payments that disagree."
  filter      = "resource.type=\"cloud_run_revision\" AND ${each.value}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "outbox_left" {
  name            = "souk_outbox_left_seconds"
  description     = "The age of an event that a sweep of an outbox could not publish."
  filter          = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"cannot publish pending event\""
  value_extractor = "EXTRACT(jsonPayload.ageSeconds)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"

    labels {
      key        = "type"
      value_type = "STRING"
    }
  }

  label_extractors = { type = "EXTRACT(jsonPayload.type)" }

  bucket_options {
    explicit_buckets {
      bounds = [10, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400]
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "panics" {
  name        = "souk_panics"
  description = "Functions that panicked."
  filter      = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"function panicked\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.api]
}

# From outside ------------------------------------------------------------------------

resource "google_monitoring_uptime_check_config" "front" {
  for_each = {
    catalogue = "/v1/products?pageSize=1"
    keys      = "/.well-known/jwks.json"
  }

  display_name     = "Souk: ${each.key}"
  timeout          = "10s"
  period           = "300s"
  selected_regions = ["EUROPE", "USA_VIRGINIA", "ASIA_PACIFIC"]

  http_check {
    path         = each.value
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project_id, host = var.domain }
  }

  depends_on = [google_project_service.api]
}

resource "google_billing_budget" "month" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "Souk ${var.environment}"

  budget_filter {
    projects = ["projects/${local.project_number}"]
  }

  amount {
    specified_amount {
      units = tostring(floor(var.budget.amount))
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  threshold_rules {
    threshold_percent = 1
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    # By mail only, and five at most: https://cloud.google.com/billing/docs/how-to/budgets#manage-notifications
    monitoring_notification_channels = slice(local.emails, 0, min(5, length(local.emails)))
    # The owners of the billing account get it as well.
    disable_default_iam_recipients = false
  }

  depends_on = [google_project_service.api]
}
