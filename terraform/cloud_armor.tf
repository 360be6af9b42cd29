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

  # Members of request bodies and parameters that hold free text, where a quotation mark
  # or a word of SQL is no attack: names, addresses, passwords, tokens, the search.
  # Souk passes values to its databases as parameters and responds with JSON alone.
  free_text = [
    "carrier", "category", "challenge", "city", "class", "code", "company", "currentPassword", "description", "email",
    "id", "line1", "line2", "name", "newPassword", "passkey", "password", "phone", "postalCode", "postalPrefix", "q",
    "reason", "refreshToken", "region", "role", "shippingMethod", "taxClass", "token", "trackingNumber",
    "trackingUrl", "vatNumber",
  ]

  # Sets that look for attacks in values. The others look at the form of a request.
  waf_value_rules = ["sqli-v33-stable", "xss-v33-stable", "lfi-v33-stable", "rfi-v33-stable", "rce-v33-stable"]

  # Callbacks of other companies' servers, which sign them.
  webhooks = [for path in local.open_writes : path if endswith(path, "/webhook")]

  # An expression may have five terms and be 2,048 characters long, so each of these is one
  # pattern of all paths. A wildcard stands for one segment.
  armor_patterns = {
    for name, paths in {
      open_writes = setsubtract(local.open_writes, local.webhooks)
      webhooks    = local.webhooks
      } : name => format("^(%s)$", join("|", [
        for path in paths : replace(replace(path, ".", "[.]"), "/[{][^}]*[}]/", "[^/]+")
    ]))
  }
}

resource "google_compute_security_policy" "front" {
  count = local.load_balancer ? 1 : 0

  name        = "souk"
  description = "Before every function that clients call."

  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable = true
    }
  }

  # Bodies are JSON, and are parsed as such. Their first 8 KB are inspected, and 64 KB once
  # the size is set: this version of the provider has no argument for it, and an update
  # by Terraform leaves it as it is (docs/deploy.md, "The firewall").
  advanced_options_config {
    json_parsing = "STANDARD"
    log_level    = "NORMAL"
  }

  # Callbacks have any text of a payment's in their body, and a signature in a header that looks
  # like an attack now and then. The function verifies the signature before it reads the body, and
  # a callback that is refused would be a payment that is not seen: so this rule, which ends
  # the evaluation, is before the sets.
  dynamic "rule" {
    for_each = length(local.webhooks) > 0 ? [1] : []
    content {
      priority    = 900
      action      = "throttle"
      description = "Signed callbacks of the payment provider."

      match {
        expr {
          expression = "request.method == 'POST' && request.path.matches('${local.armor_patterns.webhooks}')"
        }
      }

      rate_limit_options {
        conform_action = "allow"
        exceed_action  = "deny(429)"
        enforce_on_key = "IP"

        rate_limit_threshold {
          count        = var.requests_per_minute.webhooks
          interval_sec = 60
        }
      }
    }
  }

  dynamic "rule" {
    for_each = local.waf_rules
    content {
      priority    = rule.value
      action      = "deny(403)"
      description = rule.key
      # At first it only logs what it would deny: docs/deploy.md says how to go on.
      preview = !contains(var.waf_enforced, rule.key)

      match {
        expr {
          expression = "evaluatePreconfiguredWaf('${rule.key}', {'sensitivity': 1})"
        }
      }

      dynamic "preconfigured_waf_config" {
        for_each = contains(local.waf_value_rules, rule.key) ? [1] : []
        content {
          exclusion {
            target_rule_set = rule.key

            # In the query and in the body alike:
            # https://cloud.google.com/armor/docs/rule-tuning#exclude_request_fields_from_inspection
            dynamic "request_query_param" {
              for_each = local.free_text
              content {
                # Inner members have the names of the outer ones before theirs.
                operator = "ENDS_WITH"
                value    = request_query_param.value
              }
            }
          }
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
        expression = "request.method != 'GET' && request.path.matches('${local.armor_patterns.open_writes}')"
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
