# Service level objectives, and how fast their error budgets are spent. Measured at the
# load balancer, where a function that can't start counts as well.

locals {
  # In a file of their own: a rollout is held to the same bounds (docs/rollout.md).
  objectives = jsondecode(file("${path.module}/slo.json"))
  # Journeys of customers and staff, by requests at the load balancer, and those of
  # messages, by Pub/Sub's push requests. Every function is in exactly one
  # (TestJourneys).
  journeys = { for name, j in local.objectives.journeys : name => j if local.load_balancer }
  messages = local.objectives.messages
  both     = merge(local.journeys, local.messages)

  # An order is decided by four functions and three messages after it was placed.
  decided_within_seconds = local.objectives.decided.within_seconds

  # An order is confirmed by two functions and two messages after the provider's callback. Without
  # payments there is no such objective.
  paid_within_seconds = local.objectives.paid.within_seconds
  has_payments        = var.payments != null

  at_front = {
    for name, j in local.journeys : name => join(" AND ", [
      "resource.type=\"https_lb_rule\"",
      "resource.labels.url_map_name=\"${one(google_compute_url_map.front[*].name)}\"",
      "resource.labels.backend_target_name=monitoring.regex.full_match(\"${join("|", j.functions)}\")",
    ])
  }

  at_push = {
    for name, j in local.messages : name => join(" AND ", [
      "resource.type=\"pubsub_subscription\"",
      "resource.labels.subscription_id=monitoring.regex.full_match(\"(${join("|", j.functions)})[.].+\")",
    ])
  }

  slos = merge(
    {
      for name, j in local.both :
      "${name}-available" => { goal = j.available, page = j.page, runbook = "slo-availability" }
    },
    { for name, j in local.both : "${name}-fast" => { goal = j.fast, page = j.page, runbook = "slo-latency" } },
    { "order-decided" = { goal = local.objectives.decided.good, page = true, runbook = "slo-order-decided" } },
    local.has_payments ? {
      "order-paid" = { goal = local.objectives.paid.good, page = true, runbook = "slo-order-paid" }
    } : {},
  )

  # A budget of 28 days is spent in two days at the first pace, in five at the second,
  # in nine at the third. The short window ends the alert soon after the trouble ends:
  # https://sre.google/workbook/alerting-on-slos/
  # No window is longer than a day, the most that Cloud Monitoring accepts for a burn rate:
  # https://cloud.google.com/stackdriver/docs/solutions/slo-monitoring/api/timeseries-selectors#select-slo-burn-rate
  burn_rates = {
    fast   = { rate = local.objectives.page_at_burn_rate, long = "3600s", short = "300s", severity = "CRITICAL" }
    medium = { rate = 6, long = "21600s", short = "1800s", severity = "ERROR" }
    slow   = { rate = 3, long = "86400s", short = "7200s", severity = "WARNING" }
  }

  # What staff does, and what is delivered again by itself, has one alert, which can wait
  # for the morning.
  burns = merge([
    for slo, s in local.slos : {
      for pace, b in local.burn_rates :
      "${slo}-${pace}" => merge(b, s, { slo = slo, pace = pace }) if s.page || pace == "medium"
    } if local.profile.alerts == null
  ]...)

  slo_names = merge(
    { for name, slo in google_monitoring_slo.available : "${name}-available" => slo.name },
    { for name, slo in google_monitoring_slo.fast : "${name}-fast" => slo.name },
    { for name, slo in google_monitoring_slo.acknowledged : "${name}-available" => slo.name },
    { for name, slo in google_monitoring_slo.prompt : "${name}-fast" => slo.name },
    { "order-decided" = google_monitoring_slo.decided.name },
    { for slo in google_monitoring_slo.paid : "order-paid" => slo.name },
  )
}

resource "google_monitoring_custom_service" "journey" {
  for_each = toset(concat(keys(local.both), ["order"]))

  service_id   = each.key
  display_name = "Souk: ${each.key}"

  depends_on = [google_project_service.api]
}

resource "google_monitoring_slo" "available" {
  for_each = local.journeys

  service             = google_monitoring_custom_service.journey[each.key].service_id
  slo_id              = "available"
  display_name        = "${each.key}: ${each.value.available * 100} % of responses without a 5xx"
  goal                = each.value.available
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      total_service_filter = join(" AND ", [
        "metric.type=\"loadbalancing.googleapis.com/https/request_count\"",
        local.at_front[each.key],
      ])
      bad_service_filter = join(" AND ", [
        "metric.type=\"loadbalancing.googleapis.com/https/request_count\"",
        "metric.labels.response_code_class=500",
        local.at_front[each.key],
      ])
    }
  }
}

resource "google_monitoring_slo" "fast" {
  for_each = local.journeys

  service             = google_monitoring_custom_service.journey[each.key].service_id
  slo_id              = "fast"
  display_name        = "${each.key}: ${each.value.fast * 100} % within ${each.value.within_ms} ms"
  goal                = each.value.fast
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = join(" AND ", [
        "metric.type=\"loadbalancing.googleapis.com/https/total_latencies\"",
        "metric.labels.response_code_class!=500",
        local.at_front[each.key],
      ])
      range {
        max = each.value.within_ms
      }
    }
  }
}

# https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub
resource "google_monitoring_slo" "acknowledged" {
  for_each = local.messages

  service             = google_monitoring_custom_service.journey[each.key].service_id
  slo_id              = "available"
  display_name        = "${each.key}: ${each.value.available * 100} % of deliveries acknowledged"
  goal                = each.value.available
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      total_service_filter = join(" AND ", [
        "metric.type=\"pubsub.googleapis.com/subscription/push_request_count\"",
        local.at_push[each.key],
      ])
      good_service_filter = join(" AND ", [
        "metric.type=\"pubsub.googleapis.com/subscription/push_request_count\"",
        "metric.labels.response_class=\"ack\"",
        local.at_push[each.key],
      ])
    }
  }
}

resource "google_monitoring_slo" "prompt" {
  for_each = local.messages

  service             = google_monitoring_custom_service.journey[each.key].service_id
  slo_id              = "fast"
  display_name        = "${each.key}: ${each.value.fast * 100} % of deliveries within ${each.value.within_ms} ms"
  goal                = each.value.fast
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = join(" AND ", [
        "metric.type=\"pubsub.googleapis.com/subscription/push_request_latencies\"",
        local.at_push[each.key],
      ])
      range {
        max = each.value.within_ms * 1000 # microseconds
      }
    }
  }
}

resource "google_monitoring_slo" "decided" {
  service = google_monitoring_custom_service.journey["order"].service_id
  slo_id  = "decided"
  display_name = format(
    "order: %s %% decided within %s s of being placed",
    local.objectives.decided.good * 100, local.decided_within_seconds,
  )
  goal                = local.slos["order-decided"].goal
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = join(" AND ", [
        "metric.type=\"logging.googleapis.com/user/${google_logging_metric.order_decided.name}\"",
        "resource.type=\"cloud_run_revision\"",
      ])
      range {
        max = local.decided_within_seconds
      }
    }
  }
}

resource "google_monitoring_slo" "paid" {
  count = local.has_payments ? 1 : 0

  service = google_monitoring_custom_service.journey["order"].service_id
  slo_id  = "paid"
  display_name = format(
    "order: %s %% confirmed within %s s of the provider's callback",
    local.objectives.paid.good * 100, local.paid_within_seconds,
  )
  goal                = local.slos["order-paid"].goal
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = join(" AND ", [
        "metric.type=\"logging.googleapis.com/user/${google_logging_metric.order_paid.name}\"",
        "resource.type=\"cloud_run_revision\"",
      ])
      range {
        max = local.paid_within_seconds
      }
    }
  }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each = local.burns

  display_name          = "SLO ${each.value.slo} burns its budget (${each.key})"
  severity              = each.value.severity
  combiner              = "AND"
  notification_channels = local.notify[each.value.severity]

  dynamic "conditions" {
    for_each = { long = each.value.long, short = each.value.short }
    content {
      display_name = "${each.value.rate} times the pace that the budget allows, over ${conditions.value}"

      condition_threshold {
        filter          = "select_slo_burn_rate(\"${local.slo_names[each.value.slo]}\", \"${conditions.value}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Souk ${var.environment}: ${each.key}"
    content   = "${local.runbook[each.value.runbook]}\n\n${local.escalation[each.value.severity]}"
  }
}
