# What a plan refuses, and with which words.

variables {
  project_id  = "souk-test"
  environment = "dev"
  domain      = "shop.example.com"
  manifest    = "tests/data/functions.yaml" # two functions, so that sums stay the same
  images = {
    product = "example.com/souk/product@sha256:0000000000000000000000000000000000000000000000000000000000000001"
    souk    = "example.com/souk/souk@sha256:0000000000000000000000000000000000000000000000000000000000000004"
  }
}

# 10 instances × 3 and 5 × 2, the 30 twice, and 20 in reserve.
run "connections_that_fit" {
  command = plan

  variables {
    database = { max_connections = 90 }
    scaling = {
      product-get    = { max_instances = 10, pool = 3 }
      product-outbox = { max_instances = 5, pool = 2 }
    }
  }

  assert {
    condition     = output.connection_budget.needed["souk"] == 90
    error_message = "The sum is ${output.connection_budget.needed["souk"]}, not 90."
  }
}

run "connections_that_do_not_fit" {
  command = plan

  variables {
    database = { max_connections = 89 }
    scaling = {
      product-get    = { max_instances = 10, pool = 3 }
      product-outbox = { max_instances = 5, pool = 2 }
    }
  }

  expect_failures = [google_sql_database_instance.main]
}

# The reads go to the replica, with their 60 and the reserve, and to the other while the
# replica is gone.
run "connections_of_a_replica" {
  command = plan

  variables {
    database = { max_connections = 90, replica = true }
    scaling = {
      product-get    = { max_instances = 10, pool = 3 }
      product-outbox = { max_instances = 5, pool = 2 }
    }
  }

  assert {
    condition     = output.connection_budget.needed["souk"] == 90 && output.connection_budget.needed["souk-replica"] == 80
    error_message = "The sums are ${output.connection_budget.needed["souk"]} and ${output.connection_budget.needed["souk-replica"]}, not 90 and 80."
  }
}

run "connections_of_readers_that_do_not_fit_on_the_main_instance" {
  command = plan

  variables {
    database = { max_connections = 79, replica = true }
    scaling = {
      product-get    = { max_instances = 10, pool = 3 }
      product-outbox = { max_instances = 5, pool = 2 }
    }
  }

  expect_failures = [google_sql_database_instance.main]
}

run "prod_without_deletion_protection" {
  command = plan

  variables {
    environment         = "prod"
    deletion_protection = false
    alert_emails        = ["oncall@example.com"]
    database            = { regional = true }
  }

  expect_failures = [var.deletion_protection]
}

run "prod_in_one_zone" {
  command = plan

  variables {
    environment  = "prod"
    alert_emails = ["oncall@example.com"]
  }

  expect_failures = [var.database]
}

run "prod_without_alert_emails" {
  command = plan

  variables {
    environment = "prod"
    database    = { regional = true }
  }

  expect_failures = [var.alert_emails]
}

run "an_image_by_tag" {
  command = plan

  variables {
    images = {
      product = "example.com/souk/product:latest"
      souk    = "example.com/souk/souk@sha256:0000000000000000000000000000000000000000000000000000000000000004"
    }
  }

  expect_failures = [var.images]
}

run "a_proxy_that_lets_all_in" {
  command = plan

  variables {
    admin_iap_members = ["allUsers"]
  }

  expect_failures = [var.admin_iap_members]
}

run "any_origin" {
  command = plan

  variables {
    cors_origins = ["*"]
  }

  expect_failures = [var.cors_origins]
}

run "an_image_that_is_missing" {
  command = plan

  variables {
    images = {
      product = "example.com/souk/product@sha256:0000000000000000000000000000000000000000000000000000000000000001"
    }
  }

  expect_failures = [var.images]
}

run "a_scale_for_nothing" {
  command = plan

  variables {
    scaling = { product-gett = { min_instances = 1 } }
  }

  expect_failures = [var.scaling]
}

run "a_version_of_a_secret_that_there_is_not" {
  command = plan

  variables {
    secret_versions = { AUTH_SIGNING_KEY = "2" }
  }

  expect_failures = [var.secret_versions]
}

run "the_newest_version_of_a_secret" {
  command = plan

  variables {
    secret_versions = { SYNTHETIC_PASSWORD = "latest" }
  }

  expect_failures = [var.secret_versions]
}

run "a_version_of_a_secret_that_is_no_positive_number" {
  command = plan

  variables {
    secret_versions = { SYNTHETIC_PASSWORD = "0" }
  }

  expect_failures = [var.secret_versions]
}

run "a_repository_by_its_address" {
  command = plan

  variables {
    repository = "https://github.com/example/souk"
  }

  expect_failures = [var.repository]
}

run "a_set_of_signatures_that_there_is_not" {
  command = plan

  variables {
    waf_enforced = ["sqli-v33-stabel"]
  }

  expect_failures = [var.waf_enforced]
}

run "a_disk_above_its_limit" {
  command = plan

  variables {
    database = { disk_gb = 100, disk_limit_gb = 50 }
  }

  expect_failures = [var.database]
}

run "a_subnet_that_is_too_small" {
  command = plan

  variables {
    subnet = "10.10.0.0/26"
  }

  expect_failures = [google_compute_subnetwork.functions]
}

run "a_severity_that_there_is_not" {
  command = plan

  variables {
    page_severities = ["FATAL"]
  }

  expect_failures = [var.page_severities]
}

run "a_webhook_in_the_clear" {
  command = plan

  variables {
    alert_webhook = "http://alerts.example.com/token"
  }

  expect_failures = [var.alert_webhook]
}

run "prod_with_the_profile_tiny" {
  command = plan

  variables {
    environment  = "prod"
    profile      = "tiny"
    alert_emails = ["oncall@example.com"]
    database     = { regional = true }
  }

  expect_failures = [var.profile]
}

run "a_proxy_without_a_load_balancer" {
  command = plan

  variables {
    profile           = "tiny"
    admin_iap_members = ["group:staff@example.com"]
  }

  expect_failures = [var.admin_iap_members]
}

run "a_certificate_for_run_app" {
  command = plan

  variables {
    domain = "gateway-1234567890.europe-west1.run.app"
  }

  expect_failures = [var.domain]
}

run "a_domain_that_cloud_run_does_not_give" {
  command = plan

  variables {
    profile = "tiny"
    domain  = "gateway-1.europe-west1.run.app"
  }

  expect_failures = [google_cloud_run_v2_service.gateway]
}

run "an_instance_of_no_service" {
  command = plan

  variables {
    database = { own_instance = ["prodcut"] }
  }

  expect_failures = [var.database]
}

run "nothing_left_on_the_shared_instance" {
  command = plan

  variables {
    database = { own_instance = ["product"] }
  }

  expect_failures = [var.database]
}

run "a_restored_instance_that_there_is_not" {
  command = plan

  variables {
    restored_instances = { suok = "souk-2" }
  }

  expect_failures = [var.restored_instances]
}

run "exports_in_the_same_region" {
  command = plan

  variables {
    region        = "europe-west4"
    export_region = "europe-west4"
  }

  expect_failures = [var.export_region]
}

run "exports_where_there_is_no_default" {
  command = plan

  variables {
    region = "southamerica-east1"
  }

  expect_failures = [var.export_region]
}

run "no_exports_where_there_is_no_default" {
  command = plan

  variables {
    region           = "southamerica-east1"
    database_exports = false
  }

  assert {
    condition     = length(output.exports) == 0
    error_message = "There are exports."
  }
}

run "more_requests_than_connections_serve" {
  command = plan

  variables {
    scaling = { product-get = { concurrency = 41, pool = 2 } }
  }

  expect_failures = [google_cloud_run_v2_service.function]
}

run "as_many_requests_as_connections_serve" {
  command = plan

  variables {
    scaling = { product-get = { concurrency = 40, pool = 2 } }
  }
}
