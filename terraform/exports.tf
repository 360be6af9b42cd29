# A dump of every database, once a day, in another region: for the case that the region is
# gone, or the instances with their backups. docs/restore.md says how to restore one.
#
# Cloud Scheduler starts a workflow, because a file that exists is not overwritten, and a
# schedule cannot give it another name each day. The workflow waits for the export, so that
# its execution fails when the export does.

locals {
  exports = coalesce(var.database_exports, local.profile.exports)

  # Two regions of each continent, so that data stays there: the first that is not the shop's.
  export_regions = {
    asia         = ["asia-southeast1", "asia-northeast1"]
    australia    = ["australia-southeast2", "australia-southeast1"]
    europe       = ["europe-west4", "europe-west1"]
    northamerica = ["northamerica-northeast2", "northamerica-northeast1"]
    us           = ["us-central1", "us-east1"]
  }
  export_region = try(coalesce(var.export_region, [
    for region in local.export_regions[split("-", var.region)[0]] : region if region != var.region
  ][0]), null)

  exported = local.exports ? local.instances : toset([])

  # The databases of one instance are in one file: a single transaction reads them, so they
  # fit to one another.
  exported_databases = {
    for instance in local.exported : instance => [
      for s in local.services : "souk_${s}" if local.instance_of_service[s] == instance
    ]
  }

  export_folders = {
    for instance in local.exported : instance => "gs://${google_storage_bucket.exports[0].name}/${instance}/"
  }

  export_days = 30
}

resource "google_storage_bucket" "exports" {
  count = local.exports ? 1 : 0

  name                        = "${var.project_id}-database-exports"
  location                    = local.export_region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  # Until it is over no one can delete or overwrite a file.
  dynamic "retention_policy" {
    for_each = var.deletion_protection ? [1] : []
    content {
      retention_period = local.export_days * 24 * 3600
    }
  }

  # The files name persons: nothing of them stays for longer.
  lifecycle_rule {
    condition {
      age = local.export_days
    }
    action {
      type = "Delete"
    }
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  depends_on = [google_project_service.api]
}

# Cloud Storage lets all viewers of a project read a new bucket's objects, and these have
# password hashes. This takes that from them.
# https://cloud.google.com/storage/docs/access-control/iam-roles#basic-roles-modifiable
resource "google_storage_bucket_iam_binding" "export_readers" {
  count = local.exports ? 1 : 0

  bucket  = google_storage_bucket.exports[0].name
  role    = "roles/storage.legacyObjectReader"
  members = ["projectOwner:${var.project_id}"]
}

# Each instance writes as its own account.
# https://cloud.google.com/sql/docs/mysql/import-export/import-export-sql#required-roles
resource "google_storage_bucket_iam_member" "export_writer" {
  for_each = local.exported

  bucket = google_storage_bucket.exports[0].name
  role   = "roles/storage.objectAdmin"
  member = "serviceAccount:${google_sql_database_instance.main[each.key].service_account_email_address}"
}

resource "google_service_account" "export" {
  count = local.exports ? 1 : 0

  account_id   = "database-export"
  display_name = "The workflows that export the databases"
}

# No predefined role has these two without the right to change or delete an instance.
resource "google_project_iam_custom_role" "export" {
  count = local.exports ? 1 : 0

  role_id     = "soukDatabaseExport"
  title       = "Export databases"
  description = "Start an export of a Cloud SQL instance, and read whether it has ended."
  permissions = ["cloudsql.instances.export", "cloudsql.instances.get"]
}

resource "google_project_iam_member" "export" {
  count = local.exports ? 1 : 0

  project = var.project_id
  role    = "projects/${var.project_id}/roles/${google_project_iam_custom_role.export[0].role_id}"
  member  = "serviceAccount:${google_service_account.export[0].email}"
}

resource "google_workflows_workflow" "export" {
  for_each = local.exported

  name                = "export-${each.key}"
  region              = var.region
  description         = "Exports the databases of ${each.key} to the bucket in ${local.export_region}."
  service_account     = google_service_account.export[0].id
  deletion_protection = false

  # Another operation on the instance, such as a backup, makes an export fail: it is tried
  # again after 5, 10, 20 and 40 minutes. offload dumps from a copy of the disk, so that
  # customers notice nothing.
  source_contents = <<-EOT
    main:
      steps:
        - export:
            try:
              call: googleapis.sqladmin.v1.instances.export
              args:
                project: ${var.project_id}
                instance: ${google_sql_database_instance.main[each.key].name}
                body:
                  exportContext:
                    fileType: SQL
                    uri: $${"${local.export_folders[each.key]}" + time.format(sys.now()) + ".sql.gz"}
                    databases: ${jsonencode(local.exported_databases[each.key])}
                    offload: true
                connector_params:
                  timeout: 14400
            retry:
              predicate: $${always}
              max_retries: 4
              backoff:
                initial_delay: 300
                max_delay: 3600
                multiplier: 2
    always:
      params: [fault]
      steps:
        - decide:
            return: true
  EOT

  depends_on = [google_project_iam_member.export, google_storage_bucket_iam_member.export_writer]
}

resource "google_service_account" "export_schedule" {
  count = local.exports ? 1 : 0

  account_id   = "export-schedule"
  display_name = "Cloud Scheduler, when it starts an export"
}

# The provider has no grant on a single workflow. There are no others than these.
resource "google_project_iam_member" "export_schedule" {
  count = local.exports ? 1 : 0

  project = var.project_id
  role    = "roles/workflows.invoker"
  member  = "serviceAccount:${google_service_account.export_schedule[0].email}"
}

# After the backup, which begins at 3 o'clock.
resource "google_cloud_scheduler_job" "export" {
  for_each = local.exported

  name        = "export-${each.key}"
  region      = var.region
  description = "Has the databases of ${each.key} exported."
  schedule    = "0 5 * * *"
  time_zone   = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri = join("", [
      "https://workflowexecutions.googleapis.com/v1/projects/${var.project_id}/locations/${var.region}/workflows/",
      "${google_workflows_workflow.export[each.key].name}/executions",
    ])

    oauth_token {
      service_account_email = google_service_account.export_schedule[0].email
    }
  }

  retry_config {
    retry_count = 3
  }

  depends_on = [google_project_service.api]
}
