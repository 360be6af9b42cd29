# The database servers: one instance, or one a service; a database a service, a login a
# function.

locals {
  # Each service's database is on the instance souk, or on one of its own.
  instance_of_service = { for s in local.services : s => contains(var.database.own_instance, s) ? "souk-${s}" : "souk" }
  instances           = toset(concat(["souk"], [for s in var.database.own_instance : "souk-${s}"]))

  # Functions whose reads may be seconds old read from the replica, if there is one, and
  # from the main instance when it is gone or lags: that has connections for them, too.
  on_replica = toset([
    for key, run in local.runs : key if var.database.replica && run.public_read && run.service == "product"
  ])

  # The connection budget. While a rollout is under way the function that is rolled
  # out runs in two revisions, each with as many instances as it may have: so the
  # largest counts twice. Migrations, audits and people get the reserve.
  reserved_connections = 20

  connections = { for key, run in local.database_runs : key => run.scaling.max_instances * run.scaling.pool }

  # By instance, the runs that connect to it.
  runs_on = {
    for instance in concat(tolist(local.instances), var.database.replica ? ["souk-replica"] : []) : instance => [
      for key, run in local.database_runs : key
      if instance == local.instance_of_service[run.service] ||
      (instance == "souk-replica" && contains(local.on_replica, key))
    ]
  }

  connections_needed = {
    for instance, keys in local.runs_on : instance => sum(concat([local.reserved_connections], [
      for key in keys : local.connections[key]
    ], [max(concat([0], [for key in keys : local.connections[key]])...)]))
  }

  over_budget = {
    for instance, needed in local.connections_needed : instance => <<-EOT
      ${instance == "souk" ? "The" : "On ${instance},"} functions may open ${needed} connections (max_instances × pool
      of each, the largest twice, and ${local.reserved_connections} in reserve), but max_connections is
      ${local.database.max_connections}: too few by ${needed - local.database.max_connections}. Lower max_instances or
      pool in scaling, or raise database.max_connections along with the tier.
    EOT
  }

  database_flags = {
    max_connections             = tostring(local.database.max_connections)
    cloudsql_iam_authentication = "on"
    character_set_server        = "utf8mb4"
    collation_server            = "utf8mb4_unicode_ci"
    default_time_zone           = "+00:00"
    innodb_lock_wait_timeout    = "5"
    # Both write statements with their values: names, addresses, hashes (logging.tf).
    innodb_print_all_deadlocks = var.database.query_logs ? "on" : "off"
    slow_query_log             = var.database.query_logs ? "on" : "off"
    long_query_time            = "1"
    log_output                 = "FILE"
    local_infile               = "off"
    wait_timeout               = "3600"
  }
}

resource "google_sql_database_instance" "main" {
  for_each = local.instances

  # A restored instance takes the place of one under another name: docs/restore.md.
  name                = lookup(var.restored_instances, each.key, each.key)
  database_version    = "MYSQL_8_4"
  region              = var.region
  deletion_protection = var.deletion_protection

  settings {
    tier                        = local.database.tier
    edition                     = var.database.edition
    availability_type           = var.database.regional ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.database.disk_gb
    disk_autoresize             = true
    disk_autoresize_limit       = var.database.disk_limit_gb
    deletion_protection_enabled = var.deletion_protection
    retain_backups_on_delete    = true
    # All connections use a connector: with IAM and a certificate.
    connector_enforcement = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.shop.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled = true
      # Point-in-time recovery of MySQL is made of binary logs.
      binary_log_enabled             = true
      start_time                     = "03:00"
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = var.database.backups
        retention_unit   = "COUNT"
      }
    }

    maintenance_window {
      day          = 7
      hour         = 4
      update_track = var.environment == "prod" ? "stable" : "canary"
    }

    insights_config {
      query_insights_enabled  = true
      query_string_length     = 2048
      record_application_tags = true
      record_client_address   = false
    }

    dynamic "database_flags" {
      for_each = local.database_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.connections_needed[each.key] <= local.database.max_connections
      error_message = local.over_budget[each.key]
    }

    # Cloud SQL grows the disk by itself.
    ignore_changes = [settings[0].disk_size]
  }

  depends_on = [google_service_networking_connection.private_services]
}

resource "google_sql_database_instance" "replica" {
  count = var.database.replica ? 1 : 0

  name                 = "souk-replica"
  database_version     = "MYSQL_8_4"
  region               = var.region
  master_instance_name = google_sql_database_instance.main[local.instance_of_service["product"]].name
  deletion_protection  = var.deletion_protection

  settings {
    tier                        = local.database.tier
    edition                     = var.database.edition
    availability_type           = "ZONAL"
    disk_type                   = "PD_SSD"
    disk_autoresize             = true
    disk_autoresize_limit       = var.database.disk_limit_gb
    deletion_protection_enabled = var.deletion_protection
    connector_enforcement       = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.shop.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    insights_config {
      query_insights_enabled = true
      query_string_length    = 2048
    }

    dynamic "database_flags" {
      for_each = local.database_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.connections_needed["souk-replica"] <= local.database.max_connections
      error_message = local.over_budget["souk-replica"]
    }

    ignore_changes = [settings[0].disk_size]
  }
}

resource "google_sql_database" "service" {
  for_each = toset(local.services)

  name      = "souk_${each.key}"
  instance  = google_sql_database_instance.main[local.instance_of_service[each.key]].name
  charset   = "utf8mb4"
  collation = "utf8mb4_unicode_ci"
  # A service that is taken out of functions.yaml leaves its data behind.
  deletion_policy = "ABANDON"
}

# Cloud SQL names the login by the address up to the @. It may do nothing until
# the migration job has granted it the rows of its service's database.
resource "google_sql_user" "function" {
  for_each = local.database_runs

  name     = google_service_account.run[each.key].email
  instance = google_sql_database_instance.main[local.instance_of_service[each.value.service]].name
  type     = "CLOUD_IAM_SERVICE_ACCOUNT"
}

resource "google_sql_user" "migrate" {
  for_each = local.instances

  name                = "migrate"
  instance            = google_sql_database_instance.main[each.key].name
  type                = "BUILT_IN"
  host                = "%"
  password_wo         = var.migrate_password
  password_wo_version = var.migrate_password_version

  # Without a password the secret is refused, and no login is created that needs none.
  depends_on = [google_secret_manager_secret_version.migrate_password]
}
