# One page to look at first. It groups by function, so a new one appears by itself.

locals {
  charts = [
    {
      title = "Requests a second, by operation"
      query = "sum by (backend_target_name) (rate(${local.prom_requests}[5m]))"
    },
    {
      title = "Share of 5xx, by operation"
      query = join("", [
        "sum by (backend_target_name) (rate(${local.prom_requests}{response_code_class=\"500\"}[5m])) / sum by ",
        "(backend_target_name) (rate(${local.prom_requests}[5m]))",
      ])
    },
    {
      title = "Latency, 95th percentile, ms"
      query = join("", [
        "histogram_quantile(0.95, sum by (le, backend_target_name) ",
        "(rate(loadbalancing_googleapis_com:https_total_latencies_bucket[5m])))",
      ])
    },
    {
      title = "Orders decided, by status, a minute"
      query = "sum by (status) (rate(${local.prom_decided}{synthetic=\"false\"}[5m])) * 60"
    },
    {
      title = "From placed to decided, 95th percentile, s"
      query = join("", [
        "histogram_quantile(0.95, sum by (le) ",
        "(rate(logging_googleapis_com:user_${google_logging_metric.order_decided.name}_bucket[5m])))",
      ])
    },
    {
      title = "From the provider's callback to confirmed, 95th percentile, s"
      query = "histogram_quantile(0.95, sum by (le) (rate(${local.prom_paid}_bucket[5m])))"
    },
    {
      title = "Oldest message not acknowledged, s"
      query = join("", [
        "max by (subscription_id) ",
        "(pubsub_googleapis_com:subscription_oldest_unacked_message_age{subscription_id!~\".+[.]dead-letter\"})",
      ])
    },
    {
      title = "Dead letters"
      query = join("", [
        "sum by (subscription_id) ",
        "(pubsub_googleapis_com:subscription_num_undelivered_messages{subscription_id=~\".+[.]dead-letter\"})",
      ])
    },
    {
      title = "Age of events left in an outbox, s"
      query = join("", [
        "histogram_quantile(1, sum by (le, type) ",
        "(increase(logging_googleapis_com:user_${google_logging_metric.outbox_left.name}_bucket[10m])))",
      ])
    },
    { title = "Instances, by function", query = "sum by (service_name) (run_googleapis_com:container_instance_count)" },
    {
      title = "Database connections (limit ${local.database.max_connections})"
      query = "max by (database_id) (cloudsql_googleapis_com:database_network_connections)"
    },
    { title = "Database CPU", query = "max by (database_id) (cloudsql_googleapis_com:database_cpu_utilization)" },
    {
      title = "Panics"
      query = "sum(increase(logging_googleapis_com:user_${google_logging_metric.panics.name}[10m]))"
    },
  ]
  shown_charts = [
    for c in local.charts : c if(local.load_balancer || !strcontains(c.query, "loadbalancing_")) &&
    (local.has_payments || !strcontains(c.query, local.prom_paid))
  ]
}

resource "google_monitoring_dashboard" "shop" {
  dashboard_json = jsonencode({
    displayName = "Souk ${var.environment}"
    mosaicLayout = {
      columns = 48
      tiles = [
        for i, chart in local.shown_charts : {
          xPos   = i % 3 * 16
          yPos   = floor(i / 3) * 12
          width  = 16
          height = 12
          widget = {
            title   = chart.title
            xyChart = { dataSets = [{ plotType = "LINE", timeSeriesQuery = { prometheusQuery = chart.query } }] }
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.api]
}
