# Where --------------------------------------------------------------------------

variable "project_id" {
  description = "The Google Cloud project that the shop has to itself."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "The region of everything that has one."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region looks like europe-west1: no zone."
  }
}

variable "environment" {
  description = "What the project is for. prod refuses what would put data or orders at risk."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "The environment is dev or prod."
  }
}

variable "profile" {
  description = <<-EOT
    How large the shop is. tiny has no load balancer, no Cloud Armor, few alerts and the smallest database, for some
    20 USD a month: docs/deploy.md says what it lacks. standard has all of it. From tiny to standard nothing is lost.
  EOT
  type        = string
  default     = "standard"

  validation {
    condition     = contains(["tiny", "standard"], var.profile)
    error_message = "The profile is tiny or standard."
  }

  validation {
    condition     = var.environment != "prod" || var.profile == "standard"
    error_message = "prod needs profile = \"standard\": tiny has no protection from attackers, and one machine."
  }
}

variable "domain" {
  description = <<-EOT
    The host name of the shop. Its DNS record must point to the output address before the certificate can be made.
    With profile "tiny" it may be the one that Cloud Run gives: gateway-PROJECT_NUMBER.REGION.run.app.
  EOT
  type        = string

  validation {
    condition     = var.profile == "tiny" || !endswith(var.domain, ".run.app")
    error_message = "The load balancer's certificate needs a domain of your own."
  }

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain is a host name such as shop.example.com, without a scheme."
  }
}

# Functions ----------------------------------------------------------------------

variable "manifest" {
  description = "The list of functions. Another one is for tests."
  type        = string
  default     = "../functions/functions.yaml"
}

variable "images" {
  description = <<-EOT
    The image of each service, of souk, and of deploy, which deploys the others, by digest. Only what is new is made
    of it: the pipeline rolls out what runs.
  EOT
  type        = map(string)

  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "Every image must end in @sha256:DIGEST: a tag can be moved."
  }

  validation {
    condition     = length(setsubtract(concat(["souk"], local.services), keys(var.images))) == 0
    error_message = "Images are missing: every service of functions.yaml has one, and souk, which migrates."
  }
}

variable "granularity" {
  description = <<-EOT
    function: a Cloud Run service a function, the default. service: two a service, one for clients and one for
    Pub/Sub, for a small shop, the default of profile "tiny".
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.granularity == null || contains(["function", "service"], coalesce(var.granularity, "function"))
    error_message = "The granularity is function or service."
  }
}

variable "scaling" {
  description = <<-EOT
    How a Cloud Run service scales, by its name: a function's, or product-http or product-push with granularity =
    "service". The entry default is for all others. What neither gives is in functions.yaml. pool is the most database
    connections of one instance.
  EOT
  type = map(object({
    min_instances = optional(number)
    max_instances = optional(number)
    concurrency   = optional(number)
    pool          = optional(number)
    cpu           = optional(string)
    memory        = optional(string)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.scaling), concat(["default"], keys(local.runs_grouped)))) == 0
    error_message = "scaling names something that is no Cloud Run service of the shop, with this granularity."
  }

  validation {
    condition = alltrue([for s in values(var.scaling) : alltrue([
      try(s.min_instances >= 0, true),
      try(s.max_instances >= 1, true),
      try(s.max_instances >= s.min_instances, true),
      try(s.concurrency >= 1 && s.concurrency <= 1000, true),
      try(s.pool >= 1, true),
      s.memory == null || can(regex("^[1-9][0-9]*(Mi|Gi)$", s.memory)),
    ])])
    error_message = <<-EOT
      In scaling: 0 <= min_instances <= max_instances, 1 <= max_instances, 1 <= concurrency <= 1000, 1 <= pool, memory
      in Mi or Gi.
    EOT
  }
}

variable "currency" {
  description = "Currency of the shop (ISO 4217): that of a new product whose price names none."
  type        = string
  default     = "EUR"

  validation {
    condition     = can(regex("^[A-Z]{3}$", var.currency))
    error_message = "A currency is a code of ISO 4217, such as EUR."
  }
}

variable "settings" {
  description = <<-EOT
    Further environment variables of all functions, such as MAIL_FROM or ORDER_PENDING_FOR. No secrets: those are
    listed in functions.yaml.
  EOT
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name in keys(var.settings) :
      can(regex("^[A-Z][A-Z0-9_]*$", name)) && !startswith(name, "X_GOOGLE_") && name != "PORT"
    ])
    error_message = "A setting is an environment variable in capitals, not PORT or X_GOOGLE_."
  }

  validation {
    condition = length(setintersection(keys(var.settings), [
      "PAYMENTS", "PAYMENT_PROVIDER", "PAYMENT_CAPTURE", "PAYMENT_RETURN_URL", "SELLER_NAME", "SELLER_ADDRESS",
      "SELLER_TAX_ID", "SELLER_CONTACT", "SELLER_DETAILS",
    ])) == 0
    error_message = "Payments and the seller are configured by the variable payments, not by settings."
  }
}

variable "payments" {
  description = <<-EOT
    How orders are paid: the provider, when the money is captured (shipment or at_once), the page of the shop to which
    the provider leads its customers back (without one, the shop's domain), and the seller that invoices name: lines of
    its address, its number for value-added tax, an address for questions, and what the law requires besides. null:
    there never was a payment. enabled = false: new orders need no payment, and those from before can still be
    captured, refunded and invoiced. docs/payments.md says how to switch payments on and off.
  EOT
  type = object({
    enabled    = optional(bool, true)
    provider   = optional(string, "stripe")
    capture    = optional(string, "shipment")
    return_url = optional(string)
    seller = optional(object({
      name    = optional(string, "")
      address = optional(list(string), [])
      tax_id  = optional(string, "")
      contact = optional(string, "")
      details = optional(string, "")
    }))
  })
  default = null

  validation {
    condition = (
      try(var.payments.provider, "stripe") == "stripe" &&
      contains(["shipment", "at_once"], try(var.payments.capture, "shipment"))
    )
    error_message = "payments.provider is stripe, and payments.capture shipment or at_once."
  }

  validation {
    condition = (
      try(var.payments.return_url, null) == null ||
      can(regex("^https://[^/@]+(/.*)?$", var.payments.return_url))
    )
    error_message = "payments.return_url is a URL with https."
  }

  validation {
    condition = var.payments == null || (
      trimspace(try(var.payments.seller.name, "")) != "" &&
      length([for line in try(var.payments.seller.address, []) : line if trimspace(line) != ""]) > 0
    )
    error_message = <<-EOT
      payments.seller needs a name and an address: invoices must name the seller, and without it none is issued, such as
      seller = { name = "Example GmbH", address = ["Main Street 1", "10115 Berlin"], tax_id = "DE123456789" }.
    EOT
  }

  validation {
    condition     = alltrue([for line in try(var.payments.seller.address, []) : !can(regex("[;\\n]", line))])
    error_message = "A line of payments.seller.address has no semicolon and no line break: each is an item of the list."
  }
}

# Pipeline -----------------------------------------------------------------------

variable "repository" {
  description = <<-EOT
    The repository that is built and rolled out, as Cloud Build knows it once it is connected:
    projects/PROJECT/locations/REGION/connections/NAME/repositories/NAME. Without one there are no triggers.
  EOT
  type        = string
  default     = null

  validation {
    condition = var.repository == null || can(regex(
      "^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.repository
    ))
    error_message = <<-EOT
      The repository is projects/PROJECT/locations/REGION/connections/NAME/repositories/NAME: gcloud builds
      repositories list shows it.
    EOT
  }
}

variable "repository_type" {
  description = "Where the repository is hosted."
  type        = string
  default     = "GITHUB"

  validation {
    condition     = contains(["GITHUB", "GITLAB", "BITBUCKET_SERVER", "BITBUCKET_CLOUD"], var.repository_type)
    error_message = "The repository_type is GITHUB, GITLAB, BITBUCKET_SERVER or BITBUCKET_CLOUD."
  }
}

variable "branch" {
  description = "The branch whose commits are rolled out."
  type        = string
  default     = "main"
}

variable "promote_from" {
  description = <<-EOT
    The project whose verified releases are deployed here, by the same digests. Without one, the repository's commits
    are built and deployed here.
  EOT
  type = object({
    project_id = string
    region     = optional(string, "europe-west1")
  })
  default = null

  validation {
    condition     = try(var.promote_from.project_id, null) != var.project_id
    error_message = "promote_from is another project than this one."
  }

  validation {
    condition     = var.environment != "prod" || var.repository == null || var.promote_from != null
    error_message = <<-EOT
      prod deploys what another project has verified: set promote_from, or leave the pipeline out (repository = null).
    EOT
  }
}

variable "promote_to" {
  description = <<-EOT
    The projects that deploy what was verified here. Each must have been applied once with promote_from, for its
    identity to exist.
  EOT
  type        = set(string)
  default     = []

  validation {
    condition     = !contains(var.promote_to, var.project_id)
    error_message = "promote_to are other projects than this one."
  }
}

variable "binary_authorization" {
  description = <<-EOT
    off: Cloud Run starts any image. audit: it starts any, and logs those that the pipeline has not signed. enforce:
    it starts only signed ones.
  EOT
  type        = string
  default     = "off"

  validation {
    condition     = contains(["off", "audit", "enforce"], var.binary_authorization)
    error_message = "binary_authorization is off, audit or enforce."
  }
}

variable "state_bucket" {
  description = "The bucket of Terraform's state, which the pipeline's plans read. Without one it is PROJECT-terraform."
  type        = string
  default     = null
}

variable "variables_file" {
  description = "The name of the copy of the variables in state_bucket: env/ENVIRONMENT.tfvars, if it is not given."
  type        = string
  default     = null

  validation {
    condition     = var.variables_file == null || can(regex("^[a-z0-9][a-zA-Z0-9._/-]*[.]tfvars$", var.variables_file))
    error_message = "variables_file is a name such as env/dev.tfvars: no gs:// and no spaces."
  }
}

# Database -----------------------------------------------------------------------

variable "database" {
  description = <<-EOT
    The Cloud SQL instances. Without a tier and max_connections the profile gives them. own_instance names services
    that have an instance of their own, with the same settings; the databases of all others are on the instance souk.
    replica adds one that public product reads go to; regional has a second machine in another zone. The disk grows up
    to disk_limit_gb, and never shrinks. query_logs writes slow statements and deadlocks with their values to a
    restricted log bucket, for seven days.
  EOT
  type = object({
    tier            = optional(string)
    edition         = optional(string, "ENTERPRISE")
    regional        = optional(bool, false)
    disk_gb         = optional(number, 10)
    max_connections = optional(number)
    backups         = optional(number, 7)
    replica         = optional(bool, false)
    disk_limit_gb   = optional(number, 500)
    query_logs      = optional(bool, false)
    own_instance    = optional(set(string), [])
  })
  default = {}

  validation {
    condition     = var.environment != "prod" || var.database.regional
    error_message = "prod needs database.regional = true: a zone fails more often than a shop may."
  }

  validation {
    condition     = var.database.disk_limit_gb >= var.database.disk_gb
    error_message = "database.disk_limit_gb is at least database.disk_gb: a full disk stops the database."
  }

  validation {
    condition     = var.database.backups >= 1 && var.database.backups <= 365
    error_message = "database.backups is the number of daily backups kept, 1 to 365."
  }

  validation {
    condition = try(
      var.database.max_connections >= 10 && var.database.max_connections <= 100000,
      var.database.max_connections == null,
    )
    error_message = "database.max_connections is 10 to 100000."
  }

  validation {
    condition = (
      length(setsubtract(var.database.own_instance, local.services)) == 0 &&
      length(setsubtract(local.services, var.database.own_instance)) > 0
    )
    error_message = "database.own_instance names services of functions.yaml, and leaves one on the instance souk."
  }
}

variable "restored_instances" {
  description = <<-EOT
    After a restore: the instance that took the place of souk, or of a service's own, such as { souk = "souk-20270115"
    }. docs/restore.md says how.
  EOT
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.restored_instances), local.instances)) == 0
    error_message = "restored_instances names an instance that there is not: souk, or souk-SERVICE."
  }
}

variable "database_exports" {
  description = <<-EOT
    Whether every database is exported once a day to a bucket in export_region, for 30 days: with profile "standard",
    if it is not given.
  EOT
  type        = bool
  default     = null
}

variable "export_region" {
  description = "The region of the exports, another one than region. Without it, one on the same continent."
  type        = string
  default     = null

  validation {
    condition = var.export_region == null || try(
      var.export_region != var.region && can(regex("^[a-z]+-[a-z]+[0-9]+$", var.export_region)), false
    )
    error_message = <<-EOT
      export_region is another region than region, such as europe-west4: exports are for the case that the region is
      gone.
    EOT
  }

  validation {
    condition     = var.export_region != null || !local.exports || can(local.export_regions[split("-", var.region)[0]])
    error_message = "There is no default for export_region here: give one, or database_exports = false."
  }
}

variable "migrate_password" {
  description = <<-EOT
    The password of the migration job's login, given by TF_VAR_migrate_password in the first apply and whenever
    migrate_password_version is raised. It goes to Cloud SQL and Secret Manager, and to no plan and no state.
  EOT
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.migrate_password == null || try(length(var.migrate_password) >= 20, false)
    error_message = "The password has at least 20 characters: openssl rand -base64 30 makes one."
  }
}

variable "migrate_password_version" {
  description = "Counts the passwords of the migration job's login: raise it by one to set another."
  type        = number
  default     = 1
}

variable "deletion_protection" {
  description = "Whether terraform refuses to delete the database and the functions."
  type        = bool
  default     = true

  validation {
    condition     = var.deletion_protection || var.environment != "prod"
    error_message = <<-EOT
      prod refuses deletion_protection = false: the orders would be one terraform destroy away from gone.
    EOT
  }
}

# Network ------------------------------------------------------------------------

variable "subnet" {
  description = <<-EOT
    The private addresses that Cloud Run's instances get. A plan fails if these are too few; a longer prefix can be
    shortened later, never the other way.
  EOT
  type        = string
  default     = "10.10.0.0/20"

  validation {
    condition     = can(cidrnetmask(var.subnet)) && try(tonumber(split("/", var.subnet)[1]) <= 26, false)
    error_message = "The subnet is a private range of IPv4 such as 10.10.0.0/20, of /26 or larger."
  }
}

# Front door ---------------------------------------------------------------------

variable "requests_per_minute" {
  description = <<-EOT
    How many requests a minute one address may make: to all operations, to those that anyone may call and that
    write (sign in, register, reset), and to the payment provider's webhook, whose callbacks come from few addresses.
  EOT
  type = object({
    all      = optional(number, 600)
    sign_in  = optional(number, 30)
    webhooks = optional(number, 3000)
  })
  default = {}
}

variable "waf_enforced" {
  description = <<-EOT
    The sets of Cloud Armor's signatures that deny requests, such as sqli-v33-stable. All others are in preview: they
    log what they would deny.
  EOT
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.waf_enforced, keys(local.waf_rules))) == 0
    error_message = "waf_enforced names a set that terraform/cloud_armor.tf does not have."
  }
}

variable "cors_origins" {
  description = "Origins whose pages may call the shop, such as https://shop.example.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for o in var.cors_origins : can(regex("^https://[^/*]+$", o))])
    error_message = "An origin is https://HOST, without a path and without a wildcard."
  }
}

variable "admin_iap_members" {
  description = <<-EOT
    Who may pass Identity-Aware Proxy to the operations for staff, such as group:staff@example.com, with a Google
    token in Proxy-Authorization and the shop's in Authorization (docs/adr/0033). Empty leaves it out: the shop's own
    tokens decide alone.
  EOT
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for m in var.admin_iap_members : can(regex("^(user|group|serviceAccount|domain):.+$", m))])
    error_message = <<-EOT
      A member is user:, group:, serviceAccount: or domain: with a name. allUsers would be no proxy at all.
    EOT
  }

  validation {
    condition     = length(var.admin_iap_members) == 0 || var.profile == "standard"
    error_message = "Identity-Aware Proxy needs the load balancer: profile = \"standard\"."
  }
}

# Secrets ------------------------------------------------------------------------

variable "secret_versions" {
  description = <<-EOT
    The version of each secret that its readers get, such as { AUTH_SIGNING_KEYS = "2" }. The first version of all
    others. docs/runbooks/key-rotation.md says in which order to raise them.
  EOT
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.secret_versions), local.operator_secrets)) == 0
    error_message = "secret_versions names a secret that there is not: those of functions.yaml, and SYNTHETIC_PASSWORD."
  }

  validation {
    condition     = alltrue([for version in values(var.secret_versions) : can(regex("^[1-9][0-9]*$", version))])
    error_message = <<-EOT
      A version of a secret is a positive number, such as "2": the newest one would reach instances one by one,
      without a rollout.
    EOT
  }
}

variable "key_rotation_days" {
  description = "How often the keys that sign access tokens are to be replaced."
  type        = number
  default     = 90

  validation {
    condition     = var.key_rotation_days >= 1 && var.key_rotation_days <= 365
    error_message = "Keys are rotated every 1 to 365 days."
  }
}

variable "key_rotation_start" {
  description = <<-EOT
    When the rotation is announced first, RFC 3339, if that is in the future. Without it: key_rotation_days after the
    secret is created.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.key_rotation_start == null || can(formatdate("YYYY", var.key_rotation_start))
    error_message = "The time must be RFC 3339, such as 2027-01-15T09:00:00Z."
  }
}

# Watching -----------------------------------------------------------------------

variable "alert_emails" {
  description = "E-mail addresses that receive alerts."
  type        = set(string)
  default     = []

  validation {
    condition     = var.environment != "prod" || length(var.alert_emails) > 0
    error_message = "prod needs alert_emails: without them alerts have no recipient."
  }
}

variable "pagerduty_service_key" {
  description = <<-EOT
    The integration key of a PagerDuty service (Events API v1, as its integration Google Cloud Monitoring has it).
  EOT
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.pagerduty_service_key == null || can(regex("^[0-9A-Za-z]{32}$", var.pagerduty_service_key))
    error_message = "An integration key of PagerDuty has 32 letters and digits."
  }
}

variable "alert_webhook" {
  description = <<-EOT
    An address with its token that alerts are posted to, such as
    https://api.opsgenie.com/v1/json/googlestackdriver?apiKey=KEY.
  EOT
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.alert_webhook == null || can(regex("^https://[^/ ]+/", var.alert_webhook))
    error_message = "The webhook is an address that begins with https://."
  }
}

variable "alert_topic" {
  description = "Whether alerts are published to the Pub/Sub topic alerts, too."
  type        = bool
  default     = false
}

variable "page_severities" {
  description = <<-EOT
    The severities that go to pagerduty_service_key and alert_webhook. All severities are mailed and published.
  EOT
  type        = set(string)
  default     = ["CRITICAL"]

  validation {
    condition     = length(setsubtract(var.page_severities, ["CRITICAL", "ERROR", "WARNING"])) == 0
    error_message = "A severity is CRITICAL, ERROR or WARNING."
  }
}

variable "log_retention_days" {
  description = <<-EOT
    How long log entries are stored, in days. Those of the database, which can name persons, are stored for seven days
    if at all.
  EOT
  type        = number
  default     = 30

  validation {
    condition     = var.log_retention_days >= 1 && var.log_retention_days <= 3650
    error_message = "Log entries are stored for 1 to 3650 days."
  }
}

variable "request_log_share" {
  description = <<-EOT
    The share of the load balancer's log entries that is stored, 0 to 1: a tenth in prod and all in dev, if it is not
    given. Denied requests and errors are all stored.
  EOT
  type        = number
  default     = null

  validation {
    condition = (
      var.request_log_share == null || try(var.request_log_share >= 0 && var.request_log_share <= 1, false)
    )
    error_message = "request_log_share is 0 to 1."
  }
}

variable "orders_expected_within" {
  description = "How long prod may be without a confirmed order, in hours, before that is an alert. 0: any."
  type        = number
  default     = 0

  validation {
    condition     = var.orders_expected_within >= 0 && var.orders_expected_within <= 24
    error_message = "orders_expected_within is 0 to 24 hours."
  }
}

variable "budget" {
  description = "The monthly budget, in the billing account's currency. Without a billing account there is none."
  type = object({
    billing_account = string
    amount          = number
  })
  default = null
}

variable "synthetic_order" {
  description = <<-EOT
    The test customer who orders every five minutes, and the product: docs/deploy.md. Without it there are no
    synthetic orders.
  EOT
  type = object({
    customer_id = string
    email       = string
    product_id  = string
  })
  default = null

  validation {
    condition = var.synthetic_order == null || alltrue([
      for id in [try(var.synthetic_order.customer_id, ""), try(var.synthetic_order.product_id, "")] :
      can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))
    ])
    error_message = "customer_id and product_id of synthetic_order are UUIDs."
  }
}

variable "trace_sample_ratio" {
  description = <<-EOT
    The share of requests whose spans functions record and export, 0 to 1. A sampled order has about 80 spans; Cloud
    Trace is free up to 2.5 million spans a month and then $0.20 a million. An export takes some 10 ms of a request.
  EOT
  type        = number
  default     = 0

  validation {
    condition     = var.trace_sample_ratio >= 0 && var.trace_sample_ratio <= 1
    error_message = "trace_sample_ratio is 0 to 1."
  }
}

variable "trace_endpoint" {
  description = <<-EOT
    The base URL of the OTLP/HTTP receiver of traces. By default Google's Telemetry API, which writes to Cloud Trace;
    otherwise that of an OpenTelemetry collector.
  EOT
  type        = string
  default     = "https://telemetry.googleapis.com"

  validation {
    condition     = can(regex("^https?://[^/]+$", var.trace_endpoint))
    error_message = "trace_endpoint is a URL without a path, such as https://telemetry.googleapis.com."
  }
}
