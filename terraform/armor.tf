# Cloud Armor: what is refused before it costs anything.

locals {
  # Google's sets of signatures, at the level that has the fewest false alarms:
  # https://cloud.google.com/armor/docs/waf-rules
  waf_rules = {
    "sqli-v33-stable"             = 1000
    "xss-v33-stable"              = 1010
    "lfi-v33-stable"              = 1020
    "rfi-v33-stable"              = 1030
    "rce-v33-stable"              = 1040
    "scannerdetection-v33-stable" = 1050
    "protocolattack-v33-stable"   = 1060
    "sessionfixation-v33-stable"  = 1070
    "cve-canary"                  = 1080
  }

  # An expression may have five terms and be 2,048 characters long, so this is one
  # pattern of all paths. A wildcard stands for one segment.
  open_writes_pattern = "^(${join("|", [for path in local.open_writes : replace(replace(path, ".", "[.]"), "/[{][^}]*[}]/", "[^/]+")])})$"
}

resource "google_compute_security_policy" "front" {
  name        = "souk"
  description = "Before every function that clients call."

  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable = true
    }
  }

  # Bodies are JSON: read as such, a quotation mark in a description is no attack.
  advanced_options_config {
    json_parsing = "STANDARD"
    log_level    = "NORMAL"
  }

  dynamic "rule" {
    for_each = local.waf_rules
    content {
      priority    = rule.value
      action      = "deny(403)"
      description = rule.key

      match {
        expr {
          expression = "evaluatePreconfiguredWaf('${rule.key}', {'sensitivity': 1})"
        }
      }
    }
  }

  # Guessing passwords and making accounts is slow work.
  rule {
    priority    = 2000
    action      = "throttle"
    description = "What anyone may call and that writes: sign in, register, reset."

    match {
      expr {
        expression = "request.method != 'GET' && request.path.matches('${local.open_writes_pattern}')"
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = var.requests_per_minute.sign_in
        interval_sec = 60
      }
    }
  }

  rule {
    priority    = 3000
    action      = "throttle"
    description = "All operations."

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = var.requests_per_minute.all
        interval_sec = 60
      }
    }
  }

  # Every policy has this one: here it only catches what no rule above took.
  rule {
    priority    = 2147483647
    action      = "allow"
    description = "Default."

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [google_project_service.api]
}
