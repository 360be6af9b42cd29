# prod, which deploys what dev has verified.

variables {
  migrate_password = "a-password-for-tests-alone" # an ephemeral variable is given in plan and apply, or in neither

  project_id   = "souk-prod"
  environment  = "prod"
  domain       = "shop.example.com"
  manifest     = "tests/data/functions.yaml"
  database     = { regional = true }
  alert_emails = ["oncall@example.com"]
  repository   = "projects/souk-prod/locations/europe-west1/connections/host/repositories/souk"
  promote_from = { project_id = "souk-dev", region = "europe-west4" }
  images = {
    product = "example.com/souk/product@sha256:0000000000000000000000000000000000000000000000000000000000000001"
    souk    = "example.com/souk/souk@sha256:0000000000000000000000000000000000000000000000000000000000000004"
    deploy  = "example.com/souk/deploy@sha256:0000000000000000000000000000000000000000000000000000000000000005"
  }
}

run "prod_promotes" {
  command = apply

  assert {
    condition     = length(google_cloudbuild_trigger.build) == 0
    error_message = "prod builds, and would deploy what dev has not verified."
  }

  assert {
    condition = (
      google_cloudbuild_trigger.deploy[0].approval_config[0].approval_required &&
      google_cloudbuild_trigger.deploy[0].pubsub_config[0].topic == google_pubsub_topic.releases.id &&
      contains(google_cloudbuild_trigger.deploy[0].build[0].options[0].env, "FROM_RELEASES=souk-dev-releases") &&
      contains(google_cloudbuild_trigger.deploy[0].build[0].options[0].env, "FROM_REPOSITORY=europe-west4-docker.pkg.dev/souk-dev/souk") &&
      length([for e in google_cloudbuild_trigger.deploy[0].build[0].options[0].env : e if startswith(e, "TRIGGER=")]) == 0
    )
    error_message = "prod deploys without an approval, or something else than what dev has verified."
  }

  assert {
    condition = (
      google_pubsub_topic_iam_member.promote_from[0].member == "serviceAccount:rollout@souk-dev.iam.gserviceaccount.com" &&
      google_artifact_registry_repository_iam_member.rollout.role == "roles/artifactregistry.writer"
    )
    error_message = "dev cannot announce a release, or what deploys cannot copy its images."
  }

  assert {
    condition     = length(google_kms_crypto_key.attestations) == 0 && alltrue([for s in google_cloud_run_v2_service.function : length(s.binary_authorization) == 0])
    error_message = "Images must be signed, and binary_authorization is off."
  }
}

run "prod_with_binary_authorization" {
  command = apply

  variables {
    binary_authorization = "enforce"
  }

  assert {
    condition = (
      google_binary_authorization_policy.shop[0].default_admission_rule[0].evaluation_mode == "REQUIRE_ATTESTATION" &&
      google_binary_authorization_policy.shop[0].default_admission_rule[0].enforcement_mode == "ENFORCED_BLOCK_AND_AUDIT_LOG" &&
      alltrue([for s in google_cloud_run_v2_service.function : s.binary_authorization[0].use_default]) &&
      google_kms_crypto_key_iam_member.sign[0].member == "serviceAccount:${google_service_account.rollout.email}" &&
      length(google_kms_crypto_key_iam_member.plan) == 4 &&
      length([for e in google_cloudbuild_trigger.deploy[0].build[0].options[0].env : e if startswith(e, "ATTESTOR=") || startswith(e, "KEY_VERSION=")]) == 2
    )
    error_message = "Images that the pipeline has not signed are started, or it does not sign."
  }
}

run "binary_authorization_that_only_logs" {
  command = plan

  variables {
    binary_authorization = "audit"
  }

  assert {
    condition     = google_binary_authorization_policy.shop[0].default_admission_rule[0].enforcement_mode == "DRYRUN_AUDIT_LOG_ONLY"
    error_message = "audit refuses images."
  }
}

run "prod_that_builds_by_itself" {
  command = plan

  variables {
    promote_from = null
  }

  expect_failures = [var.promote_from]
}

run "a_promotion_from_oneself" {
  command = plan

  variables {
    promote_from = { project_id = "souk-prod" }
  }

  expect_failures = [var.promote_from]
}

run "a_pipeline_without_its_image" {
  command = plan

  variables {
    images = {
      product = "example.com/souk/product@sha256:0000000000000000000000000000000000000000000000000000000000000001"
      souk    = "example.com/souk/souk@sha256:0000000000000000000000000000000000000000000000000000000000000004"
    }
  }

  expect_failures = [google_cloudbuild_trigger.deploy[0]]
}
