# Topics and subscriptions, named and made as `souk topics` makes them locally.

locals {
  # A schema in the form that Pub/Sub knows, for each event that has one. A tick of
  # the scheduler has none: it says nothing.
  schemas = { for topic in local.topics : topic => "${local.schema_folder}/${topic}.proto" if fileexists("${local.schema_folder}/${topic}.proto") }

  schema_folder = "${path.module}/../functions/events"
}

# A message that breaks its schema is refused when it is published, and stays in
# the outbox, where it raises an alert. Fields may be added (docs/adr/0017).
resource "google_pubsub_schema" "event" {
  for_each = local.schemas

  name       = each.key
  type       = "PROTOCOL_BUFFER"
  definition = file(each.value)

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic" "topic" {
  for_each = local.topics

  name = each.key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  dynamic "schema_settings" {
    for_each = contains(keys(local.schemas), each.key) ? [google_pubsub_schema.event[each.key].id] : []
    content {
      schema   = schema_settings.value
      encoding = "JSON"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic" "dead_letter" {
  for_each = local.subscriptions

  name = "${each.key}.dead-letter"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.api]
}

# Without it, the dead-letter topic would lose what it is sent.
resource "google_pubsub_subscription" "dead_letter" {
  for_each = local.subscriptions

  name                       = google_pubsub_topic.dead_letter[each.key].name
  topic                      = google_pubsub_topic.dead_letter[each.key].id
  ack_deadline_seconds       = local.ack_deadline
  message_retention_duration = "1209600s" # 14 days; the inbox remembers 15

  expiration_policy {
    ttl = "" # never
  }
}

locals {
  ack_deadline = tonumber(trimsuffix(local.manifest.delivery.ackDeadline, "s"))
}

resource "google_pubsub_subscription" "push" {
  for_each = local.subscriptions

  name                       = each.key
  topic                      = google_pubsub_topic.topic[each.value.topic].id
  ack_deadline_seconds       = local.ack_deadline
  message_retention_duration = "604800s" # 7 days

  push_config {
    push_endpoint = "${google_cloud_run_v2_service.function[each.value.run].uri}/${each.value.function}"

    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = local.audience[each.value.run]
    }
  }

  retry_policy {
    minimum_backoff = local.manifest.delivery.minBackoff
    maximum_backoff = local.manifest.delivery.maxBackoff
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter[each.key].id
    max_delivery_attempts = local.manifest.delivery.maxDeliveryAttempts
  }

  expiration_policy {
    ttl = ""
  }

  # The first message must not find a dead-letter topic that keeps nothing, or a
  # function that refuses Pub/Sub.
  depends_on = [
    google_pubsub_subscription.dead_letter, google_pubsub_topic_iam_member.dead_letter,
    google_cloud_run_v2_service_iam_member.push, google_service_account_iam_member.push_token,
  ]
}
