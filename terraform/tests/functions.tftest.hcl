# For every function of functions.yaml: what it must have, and what it must not.
# `terraform test` runs this against mocks of the cloud; it needs no account.

variables {
  migrate_password = "a-password-for-tests-alone" # an ephemeral variable is given in plan and apply, or in neither
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
  secret_versions = { AUTH_SIGNING_KEYS = "2" }
  # Room for any number of functions: the budget has its own tests.
  database = { max_connections = 100000 }
}

run "every_function" {
  command = apply # by the stand-in or a mock: addresses of services are known only then

  assert {
    condition     = toset(keys(google_cloud_run_v2_service.function)) == toset([for f in yamldecode(file(var.manifest)).functions : f.name])
    error_message = "Not every function has a Cloud Run service of its own, or there is one too many."
  }

  assert {
    condition     = alltrue([for name, s in google_cloud_run_v2_service.function : one([for e in s.template[0].containers[0].env : e.value if e.name == "FUNCTION_TARGET"]) == name])
    error_message = "A service does not serve the function that it is named after."
  }

  assert {
    condition     = length(distinct([for s in google_cloud_run_v2_service.function : s.template[0].service_account])) == length(google_cloud_run_v2_service.function)
    error_message = "Two functions share an identity."
  }

  assert {
    condition     = alltrue([for name, s in google_cloud_run_v2_service.function : s.template[0].service_account == google_service_account.run[name].email])
    error_message = "A function runs as another identity."
  }

  assert {
    condition = alltrue(flatten([
      for f in yamldecode(file(var.manifest)).functions : [
        for topic in try(f.events, []) : google_pubsub_subscription.push["${f.name}.${topic}"].filter == (
          can(f.filter) ? "attributes.payment = \"required\"" : "" # the only filter there is today
        )
      ]
    ]))
    error_message = "A subscription does not have the filter of functions.yaml."
  }

  assert {
    condition     = alltrue([for a in google_service_account.run : length(a.account_id) >= 6 && length(a.account_id) <= 30])
    error_message = "The name of a service account has 6 to 30 characters."
  }

  assert {
    condition = alltrue([
      for f in yamldecode(file(var.manifest)).functions :
      google_cloud_run_v2_service.function[f.name].ingress == (can(f.http) ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_INTERNAL_ONLY")
    ])
    error_message = "A function can be reached by another way than it should."
  }

  assert {
    condition = alltrue([
      for f in yamldecode(file(var.manifest)).functions : google_cloud_run_v2_service.function[f.name].invoker_iam_disabled == can(f.http)
    ])
    error_message = "IAM's check is off for a function that only Pub/Sub calls, or on for one that clients call."
  }

  # Pub/Sub's identity may invoke the functions that it calls. There are no other invokers.
  assert {
    condition = (
      toset(keys(google_cloud_run_v2_service_iam_member.push)) == toset([for f in yamldecode(file(var.manifest)).functions : f.name if !can(f.http)]) &&
      alltrue([for m in google_cloud_run_v2_service_iam_member.push : m.member == "serviceAccount:${google_service_account.push.email}" && m.role == "roles/run.invoker"])
    )
    error_message = "Pub/Sub may not invoke every function with events or a schedule, or another identity may."
  }

  assert {
    condition = alltrue([
      for name, s in google_cloud_run_v2_service.function : (
        one([for e in s.template[0].containers[0].env : e.value if e.name == "PUSH_AUTH"]) == (s.invoker_iam_disabled ? null : "iam")
      )
    ])
    error_message = "PUSH_AUTH=iam must be set exactly where IAM's check is on: elsewhere it lets forged tokens in."
  }

  assert {
    condition     = length(distinct(flatten([for s in google_cloud_run_v2_service.function : s.custom_audiences]))) == length(google_cloud_run_v2_service_iam_member.push)
    error_message = "Two functions take the same audience."
  }

  # Routes.
  assert {
    condition = toset(flatten([
      for rule in google_compute_url_map.front[0].path_matcher[0].route_rules : [
        for m in rule.match_rules : "${m.header_matches[0].exact_match} ${m.path_template_match} ${basename(rule.service)}" if m.header_matches[0].exact_match != "HEAD"
      ]
      ])) == toset([
      for f in yamldecode(file(var.manifest)).functions : "${replace(f.http, "/[{][^}]*[}]/", "*")} ${f.name}" if can(f.http)
    ])
    error_message = "Not every HTTP function has a route, or a route leads elsewhere."
  }

  assert {
    condition     = length(distinct(google_compute_url_map.front[0].path_matcher[0].route_rules[*].priority)) == length(google_compute_url_map.front[0].path_matcher[0].route_rules)
    error_message = "Two routes have the same priority."
  }

  assert {
    condition = alltrue([
      for f in yamldecode(file(var.manifest)).functions :
      google_compute_backend_service.function[f.name].enable_cdn == can(f.cache) if can(f.http)
    ])
    error_message = "The CDN is on for a function without cache in functions.yaml, or off for one with it."
  }

  assert {
    condition     = alltrue([for b in google_compute_backend_service.function : b.security_policy == google_compute_security_policy.front[0].id])
    error_message = "A backend is not behind Cloud Armor."
  }

  # Subscriptions.
  assert {
    condition = toset(keys(google_pubsub_subscription.push)) == toset(flatten([
      for f in yamldecode(file(var.manifest)).functions : [for topic in try(f.events, can(f.schedule) ? [f.name] : []) : "${f.name}.${topic}"]
    ]))
    error_message = "Not every function with events or a schedule has its subscriptions."
  }

  assert {
    condition = alltrue([
      for name, s in google_pubsub_subscription.push : (
        s.push_config[0].push_endpoint == "${google_cloud_run_v2_service.function[split(".", name)[0]].uri}/${split(".", name)[0]}" &&
        s.push_config[0].oidc_token[0].service_account_email == google_service_account.push.email &&
        s.push_config[0].oidc_token[0].audience == one(google_cloud_run_v2_service.function[split(".", name)[0]].custom_audiences)
      )
    ])
    error_message = "A subscription does not push to its function, or not with a token that it takes."
  }

  assert {
    condition = alltrue([
      for name, s in google_pubsub_subscription.push : (
        s.dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.dead_letter[name].id &&
        google_pubsub_subscription.dead_letter[name].topic == google_pubsub_topic.dead_letter[name].id &&
        google_pubsub_topic_iam_member.dead_letter[name].role == "roles/pubsub.publisher" &&
        google_pubsub_subscription_iam_member.dead_letter[name].role == "roles/pubsub.subscriber" &&
        s.expiration_policy[0].ttl == "" && google_pubsub_subscription.dead_letter[name].expiration_policy[0].ttl == ""
      )
    ])
    error_message = "A subscription has no dead-letter topic that is kept, or it expires."
  }

  assert {
    condition     = alltrue([for f in yamldecode(file(var.manifest)).functions : google_cloud_scheduler_job.tick[f.name].schedule == f.schedule && google_cloud_scheduler_job.tick[f.name].time_zone == "Etc/UTC" if can(f.schedule)])
    error_message = "A scheduled function has no job that triggers it by its schedule in UTC."
  }

  # Rights.
  assert {
    condition     = alltrue([for m in google_project_iam_member.database : contains(["roles/cloudsql.client", "roles/cloudsql.instanceUser"], m.role)])
    error_message = "A function holds a role on the whole project that is not the database's."
  }

  assert {
    condition = toset(keys(google_secret_manager_secret_iam_member.reader)) == toset(flatten([
      for f in yamldecode(file(var.manifest)).functions : [for s in try(f.secrets, []) : "${f.name} ${s}"]
    ]))
    error_message = "A secret can be read by others than functions.yaml says."
  }

  assert {
    condition = alltrue([
      for f in yamldecode(file(var.manifest)).functions : toset([
        for e in google_cloud_run_v2_service.function[f.name].template[0].containers[0].env : e.name if length(e.value_source) > 0
      ]) == toset(try(f.secrets, []))
    ])
    error_message = "A function does not get the secrets that functions.yaml says."
  }

  assert {
    condition = alltrue(flatten([
      for s in google_cloud_run_v2_service.function : [
        for e in s.template[0].containers[0].env : e.value_source[0].secret_key_ref[0].version == (e.name == "AUTH_SIGNING_KEYS" ? "2" : "1") if length(e.value_source) > 0
      ]
    ]))
    error_message = "A function does not get the version of a secret that secret_versions gives, or the first one."
  }

  assert {
    condition = one([
      for e in google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].env : e.value_source[0].secret_key_ref[0].version if e.name == "DATABASE_PASSWORD"
    ]) == google_secret_manager_secret_version.migrate_password.version
    error_message = "The migration job does not get the version of its password that Terraform added."
  }

  assert {
    condition     = toset(values(google_sql_user.function)[*].name) == toset([for f in yamldecode(file(var.manifest)).functions : google_service_account.run[f.name].email if try(f.database, "") != "none"]) && alltrue([for u in google_sql_user.function : u.type == "CLOUD_IAM_SERVICE_ACCOUNT"])
    error_message = "A function has no database login of its own by IAM."
  }

  assert {
    condition = alltrue([
      for topic, publishers in { for m in google_pubsub_topic_iam_member.publisher : m.topic => m.member... } : length(publishers) > 0
      ]) && alltrue([
      for f in yamldecode(file(var.manifest)).functions : alltrue([for topic in try(f.publishes, []) : contains(keys(google_pubsub_topic_iam_member.publisher), "${f.name} ${topic}")])
    ])
    error_message = "A function may not publish what it publishes."
  }

  # Startup.
  assert {
    condition = alltrue([
      for f in yamldecode(file(var.manifest)).functions : (
        try(f.database, "") == "none" ?
        length(google_cloud_run_v2_service.function[f.name].template[0].containers[0].startup_probe[0].tcp_socket) == 1 :
        google_cloud_run_v2_service.function[f.name].template[0].containers[0].startup_probe[0].http_get[0].path == "/-/started"
      )
    ])
    error_message = "A function that uses a database gets requests before it had the time to connect, or one without waits for none."
  }

  assert {
    condition = alltrue([
      for f in yamldecode(file(var.manifest)).functions :
      length([for e in google_cloud_run_v2_service.function[f.name].template[0].containers[0].env : e if startswith(e.name, "DATABASE_") || e.name == "INSTANCE_CONNECTION_NAME"]) == (try(f.database, "") == "none" ? 0 : 7)
    ])
    error_message = "A function is configured for a database that it does not use, or not for the one it uses."
  }

  # The pipeline.
  assert {
    condition = (
      toset(keys(google_service_account_iam_member.rollout)) == toset(concat([for f in yamldecode(file(var.manifest)).functions : f.name], ["migrate", "smoke"])) &&
      alltrue([for name, a in google_service_account.run : google_service_account_iam_member.rollout[name].service_account_id == a.name]) &&
      google_service_account_iam_member.rollout["migrate"].service_account_id == google_service_account.migrate.name &&
      google_service_account_iam_member.rollout["smoke"].service_account_id == google_service_account.smoke.name &&
      alltrue([for m in google_service_account_iam_member.rollout : m.role == "roles/iam.serviceAccountUser" && m.member == "serviceAccount:${google_service_account.rollout.email}"])
    )
    error_message = "The pipeline may act as another identity than those of what it deploys, or not as one of these."
  }

  assert {
    condition = (
      toset([for m in google_project_iam_member.rollout : m.role]) == toset(["roles/logging.logWriter", "roles/ondemandscanning.admin", "roles/monitoring.viewer", "roles/cloudbuild.builds.viewer", "roles/run.viewer"]) &&
      google_project_iam_member.check.role == "roles/logging.logWriter" && google_project_iam_member.build.role == "roles/logging.logWriter"
    )
    error_message = "The pipeline holds another role on the whole project than those that nothing narrower has."
  }

  assert {
    condition = (
      toset(keys(google_cloud_run_v2_service_iam_member.rollout)) == toset(keys(google_cloud_run_v2_service.function)) &&
      alltrue([for m in google_cloud_run_v2_service_iam_member.rollout : m.role == "roles/run.developer"])
    )
    error_message = "The pipeline may not deploy every function, or it may do more with one."
  }

  assert {
    condition     = google_cloud_run_v2_job.smoke.template[0].template[0].vpc_access[0].egress == "ALL_TRAFFIC"
    error_message = "The smoke test does not take the network's way to the functions."
  }

  assert {
    condition     = length(google_cloudbuild_trigger.build) + length(google_cloudbuild_trigger.deploy) + length(google_cloudbuild_trigger.check) == 0
    error_message = "There is a trigger, and no repository."
  }
}

run "a_repository" {
  command = apply # the triggers name identities by what is known only then

  variables {
    repository = "projects/souk-test/locations/europe-west1/connections/host/repositories/souk"
    promote_to = ["souk-prod"]
  }

  assert {
    condition = (
      google_cloudbuild_trigger.build[0].service_account == google_service_account.build.id &&
      google_cloudbuild_trigger.build[0].filename == "cloudbuild.yaml" &&
      google_cloudbuild_trigger.build[0].repository_event_config[0].push[0].branch == "^main$" &&
      google_cloudbuild_trigger.build[0].substitutions["_REPOSITORY"] == output.images
    )
    error_message = "A commit on main is not built, or by another identity, or to another repository."
  }

  assert {
    condition = (
      google_cloudbuild_trigger.deploy[0].service_account == google_service_account.rollout.id &&
      google_cloudbuild_trigger.deploy[0].filename == null && length(google_cloudbuild_trigger.deploy[0].source_to_build) == 0 &&
      alltrue([for step in google_cloudbuild_trigger.deploy[0].build[0].step : step.name == var.images["deploy"] && startswith(step.entrypoint, "/souk/deploy/")]) &&
      contains(google_cloudbuild_trigger.deploy[0].build[0].options[0].env, "TRIGGER=${google_cloudbuild_trigger.build[0].trigger_id}") &&
      !google_cloudbuild_trigger.deploy[0].approval_config[0].approval_required
    )
    error_message = "What deploys runs a commit's files, or another image than the one by digest, or takes every build, or waits for an approval in dev."
  }

  assert {
    condition = (
      google_storage_bucket_iam_member.source.member == "serviceAccount:${google_service_account.build.email}" &&
      startswith(output.pipeline.source, "gs://${google_storage_bucket.source.name}/") &&
      output.pipeline.service_account == google_service_account.build.id
    )
    error_message = "A build by hand cannot read its source."
  }

  assert {
    condition = (
      google_cloudbuild_trigger.plan[0].service_account == google_service_account.plan.id &&
      google_cloudbuild_trigger.plan[0].repository_event_config[0].pull_request[0].comment_control == "COMMENTS_ENABLED" &&
      google_cloudbuild_trigger.drift[0].service_account == google_service_account.drift.id &&
      google_cloudbuild_trigger.drift[0].source_to_build[0].ref == "refs/heads/main" &&
      google_cloudbuild_trigger.drift[0].pubsub_config[0].topic == google_cloud_scheduler_job.drift[0].pubsub_target[0].topic_name
    )
    error_message = "What is proposed is planned without a member's consent, or what is applied is not planned every day."
  }

  assert {
    condition = (
      google_storage_bucket_iam_member.promote_to["souk-prod"].member == "serviceAccount:rollout@souk-prod.iam.gserviceaccount.com" &&
      google_artifact_registry_repository_iam_member.promote_to["souk-prod"].role == "roles/artifactregistry.reader"
    )
    error_message = "prod cannot read what dev has verified, or may do more."
  }

  assert {
    condition     = google_cloudbuild_trigger.check[0].service_account == google_service_account.check.id
    error_message = "A pull request is tested by an identity that may do more than test."
  }
}

run "one_cloud_run_service_a_service" {
  command = plan

  variables {
    granularity = "service"
  }

  assert {
    condition     = toset(keys(google_cloud_run_v2_service.function)) == toset(flatten([for f in yamldecode(file(var.manifest)).functions : "${f.service}-${can(f.http) ? "http" : "push"}"]))
    error_message = "There must be two Cloud Run services a service."
  }

  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.function : !contains([for e in s.template[0].containers[0].env : e.name], "FUNCTION_TARGET")])
    error_message = "A service that serves many functions has one picked."
  }

  assert {
    condition     = alltrue([for key, s in google_cloud_run_v2_service.function : s.invoker_iam_disabled == endswith(key, "-http")])
    error_message = "IAM's check is not on exactly where Pub/Sub calls."
  }

  assert {
    condition     = toset(keys(google_compute_backend_service.function)) == toset([for f in yamldecode(file(var.manifest)).functions : f.name if can(f.http)])
    error_message = "Every HTTP function keeps its backend and its route."
  }
}

run "admin_operations_behind_iap" {
  command = plan

  variables {
    admin_iap_members = ["group:staff@example.com"]
  }

  assert {
    condition = alltrue([
      for f in yamldecode(file(var.manifest)).functions : (length(google_compute_backend_service.function[f.name].iap) == 1) == (startswith(f.access, "staff(")) if can(f.http)
    ])
    error_message = "The proxy stands before something else than the admin operations."
  }

  assert {
    condition     = toset([for m in google_iap_web_backend_service_iam_member.admin : m.member]) == toset(["group:staff@example.com"])
    error_message = "Others than those named pass the proxy."
  }
}
