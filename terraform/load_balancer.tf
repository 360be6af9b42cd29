# The front door of profile "standard": one address, TLS, and a route for every function
# that clients call. That of profile "tiny" is in gateway.tf.

locals {
  # Routes are tried by priority: a literal segment before a wildcard, as in
  # net/http.ServeMux. "~" sorts after every character of a path.
  routes_sorted = [
    for key in sort([
      for name, f in local.http_functions : "${replace(f.path, "/[{][^}]*[}]/", "~")} ${f.method} ${name}"
    ]) : local.http_functions[split(" ", key)[2]]
  ]

  routes = [
    for i, f in local.routes_sorted : {
      priority = i + 1
      function = f.name
      # The load balancer has its own word for "one segment".
      template = replace(f.path, "/[{][^}]*[}]/", "*")
      # Go serves HEAD wherever it serves GET.
      methods = f.method == "GET" ? ["GET", "HEAD"] : [f.method]
    }
  ]

  # The first function in the list that anyone may read: it is written on the URL map
  # because one must be, and no request gets there.
  default_function = [for f in local.manifest.functions : f.name if try(local.functions[f.name].public_read, false)][0]

  # Operations whose ETag clients send back (If-Match, If-None-Match). Compression turns a
  # strong ETag into a weak one, or removes it, so these are never compressed on the fly.
  # https://cloud.google.com/cdn/docs/dynamic-compression
  tagged = ["product-get"]

  # Dynamic compression is a feature of Cloud CDN: backends without it do not have it.
  compressed = [for name, f in local.http_functions : name if f.cache != null && !contains(local.tagged, name)]

  # Cloud Armor's limits for sign-in go by what anyone may call and that writes.
  open_writes = distinct([for f in values(local.http_functions) : f.path if f.access == "anyone" && f.method != "GET"])
}

resource "google_compute_global_address" "front" {
  count = local.load_balancer ? 1 : 0

  name = "souk-front"

  depends_on = [google_project_service.api]
}

resource "google_compute_region_network_endpoint_group" "run" {
  for_each = { for key, run in local.runs : key => run if run.kind == "http" && local.load_balancer }

  name                  = "souk-${each.key}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloud_run_v2_service.function[each.key].name
  }
}

# One a function, also where functions share a Cloud Run service: caching, the proxy
# for staff and the SLOs go by it.
resource "google_compute_backend_service" "function" {
  for_each = { for name, f in local.http_functions : name => f if local.load_balancer }

  name                  = each.key
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.front[0].id
  enable_cdn            = each.value.cache != null
  compression_mode      = contains(local.compressed, each.key) ? "AUTOMATIC" : "DISABLED"

  backend {
    group = google_compute_region_network_endpoint_group.run[local.run_of[each.key]].id
  }

  # Stored is what a function's Cache-Control permits, and nothing else: no error, and no
  # response to a request with Authorization. Vary: Authorization would not do: Cloud CDN
  # stores no response with it.
  # https://cloud.google.com/cdn/docs/caching#vary-headers
  dynamic "cdn_policy" {
    for_each = each.value.cache[*]
    content {
      cache_mode         = "USE_ORIGIN_HEADERS"
      negative_caching   = false
      request_coalescing = true
      serve_while_stale  = cdn_policy.value.stale

      bypass_cache_on_request_headers {
        header_name = "Authorization"
      }

      # All of the query: a function refuses parameters that it does not know, and so
      # must the cache. No header: no function reads one for what it may store.
      cache_key_policy {
        include_host         = true
        include_protocol     = false
        include_query_string = true
      }
    }
  }

  dynamic "iap" {
    for_each = startswith(each.value.access, "staff(") && length(var.admin_iap_members) > 0 ? [1] : []
    content {
      enabled = true
    }
  }

  log_config {
    enable      = true
    sample_rate = 1 # which of them are stored: logging.tf
  }
}

resource "google_iap_web_backend_service_iam_member" "admin" {
  for_each = {
    for pair in setproduct(local.staff_functions, var.admin_iap_members) :
    "${pair[0]} ${pair[1]}" => { function = pair[0], member = pair[1] } if local.load_balancer
  }

  web_backend_service = google_compute_backend_service.function[each.value.function].name
  role                = "roles/iap.httpsResourceAccessor"
  member              = each.value.member
}

resource "google_compute_url_map" "front" {
  count = local.load_balancer ? 1 : 0

  name            = "souk"
  default_service = google_compute_backend_service.function[local.default_function].id

  # What is no host of the shop's, and what no route is for, ends here: scanners wake
  # no function.
  default_route_action {
    fault_injection_policy {
      abort {
        http_status = 404
        percentage  = 100
      }
    }
  }

  # For browsers, whatever a function responds. Without includeSubDomains: the shop does
  # not own the names below its own.
  header_action {
    dynamic "response_headers_to_add" {
      for_each = local.security_headers
      content {
        header_name  = response_headers_to_add.key
        header_value = response_headers_to_add.value
        replace      = true
      }
    }
  }

  host_rule {
    hosts        = [var.domain]
    path_matcher = "functions"
  }

  path_matcher {
    name            = "functions"
    default_service = google_compute_backend_service.function[local.default_function].id

    default_route_action {
      fault_injection_policy {
        abort {
          http_status = 404
          percentage  = 100
        }
      }
    }

    dynamic "route_rules" {
      for_each = local.routes
      iterator = route
      content {
        priority = route.value.priority
        service  = google_compute_backend_service.function[route.value.function].id

        dynamic "match_rules" {
          for_each = route.value.methods
          content {
            path_template_match = route.value.template

            header_matches {
              header_name = ":method"
              exact_match = match_rules.value
            }
          }
        }

        dynamic "route_action" {
          for_each = length(var.cors_origins) > 0 ? [1] : []
          content {
            cors_policy {
              allow_origins  = var.cors_origins
              allow_methods  = route.value.methods
              allow_headers  = local.cors_headers
              expose_headers = local.cors_exposed
              max_age        = local.cors_max_age
            }
          }
        }
      }
    }

    # A browser's question whether it may, before it does.
    dynamic "route_rules" {
      for_each = length(var.cors_origins) > 0 ? [1] : []
      content {
        priority = length(local.routes) + 1
        service  = google_compute_backend_service.function[local.default_function].id

        match_rules {
          prefix_match = "/v1/"

          header_matches {
            header_name = ":method"
            exact_match = "OPTIONS"
          }
        }

        route_action {
          cors_policy {
            allow_origins  = var.cors_origins
            allow_methods  = local.cors_methods
            allow_headers  = local.cors_headers
            expose_headers = local.cors_exposed
            max_age        = local.cors_max_age
          }
        }
      }
    }
  }
}

locals {
  # What OWASP recommends for an API that serves no pages:
  # https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
  security_headers = {
    "Strict-Transport-Security" = "max-age=31536000"
    "X-Content-Type-Options"    = "nosniff"
    "X-Frame-Options"           = "DENY"
    "Content-Security-Policy"   = "default-src 'none'; frame-ancestors 'none'"
    "Referrer-Policy"           = "no-referrer"
  }

  # As emulators/gateway/cors.go has them.
  cors_methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
  cors_headers = [
    "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Prefer", "Traceparent",
    "X-Request-Id",
  ]
  cors_exposed = [
    "ETag", "Idempotency-Replayed", "Location", "Preference-Applied", "RateLimit", "RateLimit-Policy", "Retry-After",
    "Trace-Id", "WWW-Authenticate", "X-Request-Id",
  ]
  cors_max_age = 7200 # seconds
}

# TLS ------------------------------------------------------------------------------

resource "google_compute_managed_ssl_certificate" "front" {
  count = local.load_balancer ? 1 : 0

  # A certificate can't change its domain: another one takes its place first.
  name = "souk-${substr(sha256(var.domain), 0, 8)}"

  managed {
    domains = [var.domain]
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_project_service.api]
}

resource "google_compute_ssl_policy" "modern" {
  count = local.load_balancer ? 1 : 0

  name            = "souk-modern"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.api]
}

resource "google_compute_target_https_proxy" "front" {
  count = local.load_balancer ? 1 : 0

  name             = "souk-https"
  url_map          = google_compute_url_map.front[0].id
  ssl_certificates = [google_compute_managed_ssl_certificate.front[0].id]
  ssl_policy       = google_compute_ssl_policy.modern[0].id
  quic_override    = "ENABLE"
}

resource "google_compute_global_forwarding_rule" "https" {
  count = local.load_balancer ? 1 : 0

  name                  = "souk-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.front[0].id
  target                = google_compute_target_https_proxy.front[0].id
  port_range            = "443"
}

# Plain HTTP is only redirected to HTTPS.
resource "google_compute_url_map" "to_https" {
  count = local.load_balancer ? 1 : 0

  name = "souk-to-https"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT"
    strip_query            = false
  }

  depends_on = [google_project_service.api]
}

resource "google_compute_target_http_proxy" "to_https" {
  count = local.load_balancer ? 1 : 0

  name    = "souk-to-https"
  url_map = google_compute_url_map.to_https[0].id
}

resource "google_compute_global_forwarding_rule" "to_https" {
  count = local.load_balancer ? 1 : 0

  name                  = "souk-to-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.front[0].id
  target                = google_compute_target_http_proxy.to_https[0].id
  port_range            = "80"
}
