# A value that each validation of a variable refuses. TestEveryValidationHasACase counts
# these and those of refusals.tftest.hcl and promotion.tftest.hcl.

variables {
  project_id  = "souk-test"
  environment = "dev"
  domain      = "shop.example.com"
  manifest    = "tests/data/functions.yaml"
  images = {
    product = "example.com/souk/product@sha256:0000000000000000000000000000000000000000000000000000000000000001"
    souk    = "example.com/souk/souk@sha256:0000000000000000000000000000000000000000000000000000000000000004"
  }
}

run "a_project_id_with_a_capital" {
  command = plan

  variables {
    project_id = "Souk-test"
  }

  expect_failures = [var.project_id]
}

run "a_zone_as_the_region" {
  command = plan

  variables {
    region = "europe-west1-b"
  }

  expect_failures = [var.region]
}

run "an_environment_that_there_is_not" {
  command = plan

  variables {
    environment = "test"
  }

  expect_failures = [var.environment]
}

run "a_profile_that_there_is_not" {
  command = plan

  variables {
    profile = "large"
  }

  expect_failures = [var.profile]
}

run "a_domain_with_a_scheme" {
  command = plan

  variables {
    domain = "https://shop.example.com"
  }

  expect_failures = [var.domain]
}

run "a_granularity_that_there_is_not" {
  command = plan

  variables {
    granularity = "instance"
  }

  expect_failures = [var.granularity]
}

run "more_instances_at_least_than_at_most" {
  command = plan

  variables {
    scaling = { product-get = { min_instances = 3, max_instances = 2 } }
  }

  expect_failures = [var.scaling]
}

run "memory_without_a_unit" {
  command = plan

  variables {
    scaling = { default = { memory = "512" } }
  }

  expect_failures = [var.scaling]
}

run "a_currency_by_its_name" {
  command = plan

  variables {
    currency = "euro"
  }

  expect_failures = [var.currency]
}

run "a_setting_that_cloud_run_reserves" {
  command = plan

  variables {
    settings = { PORT = "80" }
  }

  expect_failures = [var.settings]
}

run "a_host_that_cloud_build_does_not_know" {
  command = plan

  variables {
    repository_type = "SVN"
  }

  expect_failures = [var.repository_type]
}

run "a_promotion_to_oneself" {
  command = plan

  variables {
    promote_to = ["souk-test"]
  }

  expect_failures = [var.promote_to]
}

run "a_binary_authorization_that_there_is_not" {
  command = plan

  variables {
    binary_authorization = "on"
  }

  expect_failures = [var.binary_authorization]
}

run "variables_by_their_address" {
  command = plan

  variables {
    variables_file = "gs://souk-test-terraform/env/dev.tfvars"
  }

  expect_failures = [var.variables_file]
}

run "no_backups" {
  command = plan

  variables {
    database = { backups = 0 }
  }

  expect_failures = [var.database]
}

run "too_few_connections_for_any_function" {
  command = plan

  variables {
    database = { max_connections = 9 }
  }

  expect_failures = [var.database]
}

run "a_short_password" {
  command = plan

  variables {
    migrate_password = "nineteen-characters"
  }

  expect_failures = [var.migrate_password]
}

run "a_subnet_longer_than_26" {
  command = plan

  variables {
    subnet = "10.10.0.0/27"
  }

  expect_failures = [var.subnet]
}

run "a_rotation_every_zero_days" {
  command = plan

  variables {
    key_rotation_days = 0
  }

  expect_failures = [var.key_rotation_days]
}

run "a_rotation_that_starts_soon" {
  command = plan

  variables {
    key_rotation_start = "soon"
  }

  expect_failures = [var.key_rotation_start]
}

run "a_key_of_pagerduty_that_is_cut_off" {
  command = plan

  variables {
    pagerduty_service_key = "0123456789abcdef"
  }

  expect_failures = [var.pagerduty_service_key]
}

run "logs_for_no_day" {
  command = plan

  variables {
    log_retention_days = 0
  }

  expect_failures = [var.log_retention_days]
}

run "more_log_entries_than_there_are" {
  command = plan

  variables {
    request_log_share = 2
  }

  expect_failures = [var.request_log_share]
}

run "an_order_within_two_days" {
  command = plan

  variables {
    orders_expected_within = 48
  }

  expect_failures = [var.orders_expected_within]
}

run "a_test_customer_by_name" {
  command = plan

  variables {
    synthetic_order = { customer_id = "amira", email = "synthetic@example.com", product_id = "0199c0de-0000-7000-8000-000000000002" }
  }

  expect_failures = [var.synthetic_order]
}

run "more_traces_than_requests" {
  command = plan

  variables {
    trace_sample_ratio = 1.5
  }

  expect_failures = [var.trace_sample_ratio]
}

run "a_receiver_of_traces_by_its_host" {
  command = plan

  variables {
    trace_endpoint = "telemetry.googleapis.com"
  }

  expect_failures = [var.trace_endpoint]
}

run "payments_by_another_provider" {
  command = plan

  variables {
    payments = { provider = "local", seller = { name = "Example GmbH", address = ["Main Street 1", "10115 Berlin"] } }
  }

  expect_failures = [var.payments]
}

run "payments_that_return_without_encryption" {
  command = plan

  variables {
    payments = { return_url = "http://shop.example/orders", seller = { name = "Example GmbH", address = ["Main Street 1", "10115 Berlin"] } }
  }

  expect_failures = [var.payments]
}

run "payments_without_a_seller" {
  command = plan

  variables {
    payments = {}
  }

  expect_failures = [var.payments]
}

run "a_seller_without_an_address" {
  command = plan

  variables {
    payments = { seller = { name = "Example GmbH", address = [" "] } }
  }

  expect_failures = [var.payments]
}

run "a_seller_with_two_lines_in_one" {
  command = plan

  variables {
    payments = { seller = { name = "Example GmbH", address = ["Main Street 1; 10115 Berlin"] } }
  }

  expect_failures = [var.payments]
}

run "payments_by_a_setting" {
  command = plan

  variables {
    settings = { PAYMENTS = "on" }
  }

  expect_failures = [var.settings]
}
