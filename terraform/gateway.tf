# The front door of profile "tiny": souk gateway, a Cloud Run service that anyone may
# call. It routes as the load balancer of load_balancer.tf does, and calls the functions, which
# nothing else may call, with an ID token of its own.

locals {
  # A domain that Cloud Run gave needs no mapping.
  mapped = !local.load_balancer && !endswith(var.domain, ".run.app")

  backends = {
    for name in keys(local.http_functions) : name => google_cloud_run_v2_service.function[local.run_of[name]].uri
  }
}

resource "google_service_account" "gateway" {
  count = local.load_balancer ? 0 : 1

  account_id   = "gateway"
  display_name = "The gateway, when it calls a function"
}

# In the network, for functions are reached from within only. All its requests take that
# way, as those of the smoke test do (deploy.tf).
resource "google_cloud_run_v2_service" "gateway" {
  count = local.load_balancer ? 0 : 1

  name                 = "gateway"
  location             = var.region
  deletion_protection  = false # it has no state
  ingress              = "INGRESS_TRAFFIC_ALL"
  invoker_iam_disabled = true # clients carry the shop's tokens, which IAM does not know

  template {
    service_account                  = google_service_account.gateway[0].email
    max_instance_request_concurrency = 80
    timeout                          = "60s"

    scaling {
      min_instance_count = 0
      max_instance_count = 2
    }

    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network    = google_compute_network.shop.id
        subnetwork = google_compute_subnetwork.functions.id
      }
    }

    containers {
      # Another image of souk comes by terraform apply: the pipeline leaves it alone.
      image = var.images["souk"]
      args  = ["gateway", "--cloud-run"]

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = "1", memory = "256Mi" }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 20
        tcp_socket {
          port = 8080
        }
      }

      dynamic "env" {
        for_each = {
          ALLOWED_HOSTS = var.domain
          CORS_ORIGINS  = join(",", var.cors_origins)
          BACKENDS      = jsonencode(local.backends)
          GOMEMLIMIT    = "217MiB" # 85 % of its memory
        }
        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version, annotations, template[0].labels, template[0].annotations]

    precondition {
      condition     = local.mapped || var.domain == "gateway-${local.project_number}.${var.region}.run.app"
      error_message = <<-EOT
        Cloud Run names this service gateway-${local.project_number}.${var.region}.run.app: give that domain, or one
        of your own.
      EOT
    }
  }
}

resource "google_cloud_run_v2_service_iam_member" "gateway" {
  for_each = { for key, run in local.runs : key => run if run.kind == "http" && !local.load_balancer }

  name     = google_cloud_run_v2_service.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "serviceAccount:${google_service_account.gateway[0].email}"
}

# Who applies must own the domain: https://search.google.com/search-console
resource "google_cloud_run_domain_mapping" "gateway" {
  count = local.mapped ? 1 : 0

  name     = var.domain
  location = var.region

  metadata {
    namespace = var.project_id
  }

  spec {
    route_name = google_cloud_run_v2_service.gateway[0].name
  }
}
