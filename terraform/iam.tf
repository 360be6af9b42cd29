# Identities, and the little that each may do. Roles on the project are given one
# by one (member, never binding or policy): a function holds two to log in to the
# database, and one more if it exports traces. All others are granted on the resource
# itself. What the pipeline and the exports may do is in their own files.

resource "google_service_account" "run" {
  for_each = local.runs

  account_id   = each.value.account
  display_name = "Function ${each.key}"
}

resource "google_service_account" "push" {
  account_id   = "pubsub-push"
  display_name = "Pub/Sub, when it calls a function"
}

resource "google_service_account" "migrate" {
  account_id   = "migrate"
  display_name = "The job that migrates the databases"
}

# Reach the instance, and log in to it. What a login may do there is the
# database's to say: the migration job grants it.
resource "google_project_iam_member" "database" {
  for_each = merge([
    for key, run in local.database_runs : {
      for role in ["roles/cloudsql.client", "roles/cloudsql.instanceUser"] : "${key} ${role}" => {
        role = role, account = google_service_account.run[key].email
      }
    }
  ]...)

  project = var.project_id
  role    = each.value.role
  member  = "serviceAccount:${each.value.account}"
}

resource "google_project_iam_member" "migrate" {
  project = var.project_id
  role    = "roles/cloudsql.client"
  member  = "serviceAccount:${google_service_account.migrate.email}"
}

# To export traces by the Telemetry API (OTLP), which writes to Cloud Trace. Neither has a
# resource below the project that a role could be granted on.
# https://cloud.google.com/stackdriver/docs/instrumentation/migrate-to-otlp-endpoints
resource "google_project_iam_member" "traces" {
  for_each = { for key, run in local.runs : key => run if var.trace_sample_ratio > 0 }

  project = var.project_id
  role    = "roles/telemetry.tracesWriter"
  member  = "serviceAccount:${google_service_account.run[each.key].email}"
}

# Pub/Sub calls as the push identity, which its agent may make tokens of.
resource "google_service_account_iam_member" "push_token" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent

  depends_on = [google_project_service.api]
}

resource "google_cloud_run_v2_service_iam_member" "push" {
  for_each = { for key, run in local.runs : key => run if run.kind == "push" }

  name     = google_cloud_run_v2_service.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "serviceAccount:${google_service_account.push.email}"
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = merge([
    for key, run in local.runs : { for topic in run.publishes : "${key} ${topic}" => { run = key, topic = topic } }
  ]...)

  topic  = google_pubsub_topic.topic[each.value.topic].name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${google_service_account.run[each.value.run].email}"
}

# Pub/Sub's agent moves what failed too often to the dead-letter topic.
resource "google_pubsub_topic_iam_member" "dead_letter" {
  for_each = local.subscriptions

  topic  = google_pubsub_topic.dead_letter[each.key].name
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent

  depends_on = [google_project_service.api]
}

resource "google_pubsub_subscription_iam_member" "dead_letter" {
  for_each = local.subscriptions

  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent

  depends_on = [google_project_service.api]
}
