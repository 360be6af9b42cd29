# Topics and subscriptions, named and made as `souk topics` makes them locally.

# Topics have no schema of Pub/Sub's: docs/adr/0017 says why, and what stands in
# for it.
resource "google_pubsub_topic" "topic" {
  for_each = local.topics

  name = each.key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
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
  message_retention_duration = "1209600s" # 14 days

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
  # Pub/Sub changes no filter: another one replaces the subscription, and what it has not
  # delivered is lost (docs/rollout.md).
  filter = each.value.filter

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
