# A tick to the topic of each function with a schedule (docs/adr/0008).

resource "google_cloud_scheduler_job" "tick" {
  for_each = local.scheduled

  name        = each.key
  region      = var.region
  description = "Has ${each.key} run."
  schedule    = each.value.schedule
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = google_pubsub_topic.topic[each.key].id
    # The same each time: id and time of a tick are its message's.
    attributes = { type = "schedule-due" }
  }

  retry_config {
    retry_count = 3
  }

  depends_on = [google_project_service.api]
}
