# The functions, as Cloud Run services, and the job that migrates the databases.

resource "google_cloud_run_v2_service" "function" {
  for_each = local.runs

  name     = each.key
  location = var.region
  # Services of the other granularity go when a shop leaves profile "tiny".
  deletion_protection = var.deletion_protection && local.load_balancer

  # Clients come through the load balancer, Pub/Sub and the gateway of gateway.tf from within
  # the project. The addresses that Cloud Run gives every service are closed to all others.
  ingress = local.open[each.key] ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_INTERNAL_ONLY"
  # Clients carry the shop's tokens, which IAM does not know: docs/adr/0016.
  invoker_iam_disabled = local.open[each.key]
  custom_audiences     = each.value.kind == "push" ? [local.audience[each.key]] : []

  dynamic "binary_authorization" {
    for_each = local.signs ? [true] : []
    content {
      use_default = true
    }
  }

  template {
    service_account                  = google_service_account.run[each.key].email
    max_instance_request_concurrency = each.value.scaling.concurrency
    # An operation under an Idempotency-Key may take 20 s to its commit, and wait 30 s
    # after it; Pub/Sub does not wait longer than its acknowledgement deadline.
    timeout = each.value.kind == "http" ? "60s" : local.manifest.delivery.ackDeadline

    scaling {
      min_instance_count = each.value.scaling.min_instances
      max_instance_count = each.value.scaling.max_instances
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.shop.id
        subnetwork = google_compute_subnetwork.functions.id
      }
    }

    containers {
      image = var.images[each.value.service]

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = each.value.scaling.cpu, memory = each.value.scaling.memory }
        cpu_idle          = true # paid for during requests only
        startup_cpu_boost = true
      }

      # It listens some milliseconds after its start. Its egress into the VPC may take a
      # minute to carry connections
      # (https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#limitations), so it
      # gets requests once it has a connection to the database; but after 10 s at the
      # latest, and at once when the database refuses (shared/health): a probe that
      # needed the database would restart every instance when that is away.
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 20
        dynamic "tcp_socket" {
          for_each = each.value.database ? [] : [1]
          content {
            port = 8080
          }
        }
        dynamic "http_get" {
          for_each = each.value.database ? [1] : []
          content {
            path = "/-/started"
          }
        }
      }

      # A program that listens but does not respond is replaced. The probe checks only the
      # program itself (shared/health), not the database, for the same reason.
      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 5
        failure_threshold = 3
        http_get {
          path = "/-/healthy"
        }
      }

      dynamic "env" {
        for_each = local.environment[each.key]
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = each.value.secrets
        content {
          name = env.value
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.secret[env.value].secret_id
              version = local.secret_version[env.value]
            }
          }
        }
      }
    }
  }

  # The pipeline rolls out images and shifts traffic.
  lifecycle {
    precondition {
      condition = (
        !each.value.database ||
        each.value.scaling.concurrency <= local.requests_per_connection * each.value.scaling.pool
      )
      error_message = <<-EOT
        ${each.key} gets ${each.value.scaling.concurrency} requests at a time and has ${each.value.scaling.pool}
        database connections: at most ${local.requests_per_connection} requests may share one. Raise pool or lower
        concurrency in scaling.
      EOT
    }

    ignore_changes = [
      template[0].containers[0].image, template[0].revision, template[0].labels, template[0].annotations,
      traffic, client, client_version, annotations,
    ]
  }

  # A container that may not read a secret or reach the database does not start.
  depends_on = [
    google_project_service.api, google_secret_manager_secret_iam_member.reader, google_sql_user.function,
  ]
}

locals {
  # The services that the load balancer reaches: IAM's check is off there.
  open = { for key, run in local.runs : key => run.kind == "http" && local.load_balancer }

  # As manifest.RequestsPerConnection has it, which says why.
  requests_per_connection = 20

  # The audience of a push token. Any URL will do that no other service has.
  audience = { for key, run in local.runs : key => "https://${key}.push.${var.domain}" if run.kind == "push" }

  connection_name = { for key, instance in google_sql_database_instance.main : key => instance.connection_name }

  environment = {
    for key, run in local.runs : key => merge(
      { MAIL_FROM = "Shop <no-reply@${var.domain}>", SHOP_CURRENCY = var.currency },
      var.settings,
      {
        GOOGLE_CLOUD_PROJECT = var.project_id
        GOMEMLIMIT           = local.go_memory_limit[key]
        AUTH_ISSUER          = "https://${var.domain}"
        AUTH_AUDIENCE        = "https://${var.domain}"
        AUTH_JWKS_URL        = "https://${var.domain}/.well-known/jwks.json"
        SHOP_URL             = "https://${var.domain}"
      },
      !run.database ? {} : {
        INSTANCE_CONNECTION_NAME = local.connection_name[local.instance_of_service[run.service]]
        DATABASE_PRIVATE_IP      = "true"
        DATABASE_NAME            = "souk_${run.service}"
        DATABASE_USER            = run.account
        DATABASE_MAX_OPEN_CONNS  = tostring(run.scaling.pool)
        # Logins by IAM are capped a minute, for the whole instance: retain connections.
        DATABASE_CONN_MAX_LIFETIME  = "45m"
        DATABASE_CONN_MAX_IDLE_TIME = "15m"
      },
      # Reads of the catalogue leave the replica when it is gone or lags (docs/adr).
      !contains(local.on_replica, key) ? {} : {
        DATABASE_REPLICA_INSTANCE = google_sql_database_instance.replica[0].connection_name
      },
      # A new function is created with an image that may be from before it: docs/rollout.md.
      run.target == null ? {} : { FUNCTION_TARGET = run.target, FUNCTION_TARGET_OPTIONAL = "true" },
      var.synthetic_order == null ? {} : { SYNTHETIC_CUSTOMER = var.synthetic_order.customer_id },
      # The defaults of the functions: no payments.
      try(var.payments.enabled, false) && run.service == "order" ? { PAYMENTS = "on" } : {},
      var.payments == null || run.service != "payment" ? {} : {
        PAYMENT_PROVIDER   = var.payments.provider
        PAYMENT_CAPTURE    = var.payments.capture
        PAYMENT_RETURN_URL = coalesce(var.payments.return_url, "https://${var.domain}/")
        SELLER_NAME        = var.payments.seller.name
        SELLER_ADDRESS     = join("; ", var.payments.seller.address)
        SELLER_TAX_ID      = var.payments.seller.tax_id
        SELLER_CONTACT     = var.payments.seller.contact
        SELLER_DETAILS     = var.payments.seller.details
      },
      # Without an endpoint functions record nothing. The ratio is theirs: a client can choose the trace's id and set
      # the sampled flag, so neither may decide (docs/adr/0042).
      var.trace_sample_ratio == 0 ? {} : {
        OTEL_EXPORTER_OTLP_ENDPOINT = var.trace_endpoint
        TRACE_SAMPLE_RATIO          = tostring(var.trace_sample_ratio)
      },
      # Admin functions are behind Identity-Aware Proxy: they require its assertion.
      run.kind == "http" && length(var.admin_iap_members) > 0 ? { IAP_PROJECT_NUMBER = local.project_number } : {},
      run.kind == "http" ? {} : {
        PUSH_AUTH            = "iam"
        PUSH_AUDIENCE        = local.audience[key]
        PUSH_SERVICE_ACCOUNT = google_service_account.push.email
      },
    )
  }
}

# Runs before every rollout: tables first, then the functions that use them.
resource "google_cloud_run_v2_job" "migrate" {
  name                = "migrate"
  location            = var.region
  deletion_protection = false

  template {
    task_count = 1

    template {
      service_account = google_service_account.migrate.email
      max_retries     = 0 # a migration that failed halfway is looked at by a person
      timeout         = "3600s"

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = google_compute_network.shop.id
          subnetwork = google_compute_subnetwork.functions.id
        }
      }

      containers {
        image = var.images["souk"]
        args  = ["migrate-cloud-sql", "--granularity", local.granularity]

        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }

        dynamic "env" {
          for_each = merge(
            {
              INSTANCE_CONNECTION_NAME = google_sql_database_instance.main["souk"].connection_name
              DATABASE_PRIVATE_IP      = "true"
              DATABASE_USER            = google_sql_user.migrate["souk"].name
            },
            {
              for s in var.database.own_instance :
              "${upper(s)}_INSTANCE_CONNECTION_NAME" => local.connection_name["souk-${s}"]
            },
          )
          content {
            name  = env.key
            value = env.value
          }
        }

        env {
          name = "DATABASE_PASSWORD"
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.migrate_password.secret_id
              version = google_secret_manager_secret_version.migrate_password.version
            }
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].template[0].containers[0].image, client, client_version, annotations]
  }

  depends_on = [google_secret_manager_secret_iam_member.migrate_password]
}
