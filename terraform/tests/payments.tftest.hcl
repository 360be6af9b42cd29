# Settings, secrets and alerts of payments that are on, off for new orders, and never were.

variables {
  migrate_password = "a-password-for-tests-alone"
  project_id       = "souk-test"
  environment      = "dev"
  domain           = "shop.example.com"
  images = {
    product = "example.com/souk/product@sha256:0000000000000000000000000000000000000000000000000000000000000001"
    order   = "example.com/souk/order@sha256:0000000000000000000000000000000000000000000000000000000000000002"
    payment = "example.com/souk/payment@sha256:0000000000000000000000000000000000000000000000000000000000000006"
    user    = "example.com/souk/user@sha256:0000000000000000000000000000000000000000000000000000000000000003"
    webhook = "example.com/souk/webhook@sha256:0000000000000000000000000000000000000000000000000000000000000003"
    souk    = "example.com/souk/souk@sha256:0000000000000000000000000000000000000000000000000000000000000004"
    deploy  = "example.com/souk/deploy@sha256:0000000000000000000000000000000000000000000000000000000000000005"
  }
  database = { max_connections = 100000 }
}

run "payments_on" {
  command = plan

  variables {
    payments = {
      capture = "at_once"
      seller  = { name = "Example GmbH", address = ["Main Street 1", "10115 Berlin"], tax_id = "DE123456789" }
    }
  }

  assert {
    condition = alltrue([
      for name, f in local.functions :
      local.environment[name]["PAYMENT_PROVIDER"] == "stripe" && local.environment[name]["PAYMENT_CAPTURE"] == "at_once" &&
      local.environment[name]["PAYMENT_RETURN_URL"] == "https://shop.example.com/" &&
      local.environment[name]["SELLER_NAME"] == "Example GmbH" && local.environment[name]["SELLER_TAX_ID"] == "DE123456789" &&
      local.environment[name]["SELLER_ADDRESS"] == "Main Street 1; 10115 Berlin" if f.service == "payment"
    ])
    error_message = "A function of the payment service lacks a setting."
  }

  assert {
    condition     = alltrue([for name, f in local.functions : lookup(local.environment[name], "PAYMENTS", "off") == (f.service == "order" ? "on" : "off")])
    error_message = "Not exactly the functions of orders require payments."
  }

  # The provider has no token of IAM, and other servers than the load balancer cannot reach it.
  assert {
    condition = (
      google_cloud_run_v2_service.function["payment-webhook"].invoker_iam_disabled &&
      google_cloud_run_v2_service.function["payment-webhook"].ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    )
    error_message = "The provider cannot call the webhook, or reaches it past Cloud Armor."
  }

  assert {
    condition = alltrue([
      for key in keys(google_secret_manager_secret_iam_member.reader) :
      contains(local.functions[split(" ", key)[0]].secrets, split(" ", key)[1])
    ])
    error_message = "A function reads a secret of payments that it does not list."
  }

  assert {
    condition     = output.webhook_url == "https://shop.example.com/v1/payments/stripe/webhook"
    error_message = "The webhook's address is ${output.webhook_url}."
  }

  assert {
    condition = (
      google_monitoring_slo.paid[0].request_based_sli[0].distribution_cut[0].range[0].max == 30 &&
      contains(keys(google_monitoring_alert_policy.alert), "order-not-confirmed") &&
      contains(keys(google_monitoring_alert_policy.alert), "order-not-paid") &&
      length([for key in keys(google_monitoring_alert_policy.burn) : key if startswith(key, "order-paid-")]) == 3
    )
    error_message = "The SLO or an alert of payments is missing."
  }
}

run "payments_off_for_new_orders" {
  command = plan

  variables {
    payments = { enabled = false, seller = { name = "Example GmbH", address = ["Main Street 1"] } }
  }

  assert {
    condition = (
      alltrue([for environment in local.environment : !contains(keys(environment), "PAYMENTS")]) &&
      local.environment["payment-capture"]["PAYMENT_PROVIDER"] == "stripe" && contains(keys(local.alerts), "order-not-confirmed")
    )
    error_message = "Orders from before can not be captured, or new ones must be paid."
  }
}

run "payments_never" {
  command = plan

  assert {
    condition = (
      alltrue([for environment in local.environment : length([for name in keys(environment) : name if startswith(name, "PAYMENT") || startswith(name, "SELLER")]) == 0]) &&
      length(google_monitoring_slo.paid) == 0 && !contains(keys(local.alerts), "order-not-confirmed") && output.webhook_url == "none"
    )
    error_message = "A shop without payments has settings, alerts or an SLO of them."
  }
}
