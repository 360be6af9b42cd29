# What functions.yaml says, in the forms that the other files want. Nothing below
# names a function by hand.

locals {
  manifest = yamldecode(file(var.manifest))

  functions = {
    for f in local.manifest.functions : f.name => {
      name     = f.name
      service  = f.service
      kind     = try(f.http, null) != null ? "http" : "push"
      method   = try(split(" ", f.http)[0], null)
      path     = try(split(" ", f.http)[1], null)
      access   = try(f.access, null)
      schedule = try(f.schedule, null)
      # In Pub/Sub's syntax, as manifest.Filter has it.
      filter    = join(" AND ", [for name, value in try(f.filter, {}) : "attributes.${name} = \"${value}\""])
      topics    = try(f.schedule, null) != null ? [f.name] : try(f.events, [])
      publishes = try(f.publishes, [])
      database  = try(f.database, null) != "none"
      secrets   = try(f.secrets, [])
      # For how many seconds caches may serve its responses, as its Cache-Control has it.
      cache = try({
        max_age = tonumber(trimsuffix(f.cache.maxAge, "s"))
        stale   = tonumber(trimsuffix(try(f.cache.staleWhileRevalidate, "0s"), "s"))
      }, null)
      # Reads that need no account may be a moment old: a replica will do.
      public_read = try(f.access == "anyone" && startswith(f.http, "GET "), false)
      # What differs from the default, where it has a Cloud Run service of its own.
      scaling = { for k, v in {
        min_instances = try(f.scaling.minInstances, null)
        max_instances = try(f.scaling.maxInstances, null)
        concurrency   = try(f.scaling.concurrency, null)
        pool          = try(f.scaling.pool, null)
        cpu           = try(f.scaling.cpu, null)
        memory        = try(f.scaling.memory, null)
      } : k => v if v != null }
    }
  }

  # Those that log in to the database.
  database_runs = { for key, run in local.runs : key => run if run.database }

  services = distinct([for f in values(local.functions) : f.service])

  http_functions = { for name, f in local.functions : name => f if f.kind == "http" }
  scheduled      = { for name, f in local.functions : name => f if f.schedule != null }

  staff_functions = [for f in values(local.http_functions) : f.name if startswith(f.access, "staff(")]

  # What a service's functions publish. Its outbox function publishes what they left.
  published = {
    for s in local.services : s => distinct(flatten([for f in values(local.functions) : f.publishes if f.service == s]))
  }

  # The Cloud Run services: one a function, or two a service. IAM's check is on for
  # Pub/Sub and off for clients, so the two never share one (docs/adr/0016).
  run_of = {
    for name, f in local.functions : name => local.granularity == "function" ? name : "${f.service}-${f.kind}"
  }

  runs_grouped = {
    for name, f in local.functions : local.run_of[name] => f...
  }

  runs = {
    for key, fs in local.runs_grouped : key => {
      service     = fs[0].service
      kind        = fs[0].kind
      target      = local.granularity == "function" ? key : null
      secrets     = distinct(flatten(fs[*].secrets))
      public_read = alltrue(fs[*].public_read)
      database    = anytrue(fs[*].database)
      publishes = distinct(flatten([
        for f in fs : f.name == "${f.service}-outbox" ? local.published[f.service] : f.publishes
      ]))
      # At most 30 characters, as manifest.Function.Account has it.
      account = length(key) <= 27 ? "fn-${key}" : "fn-${substr(key, 0, 20)}-${substr(sha256(key), 0, 6)}"
      scaling = merge(
        local.default_scaling[fs[0].kind],
        local.profile.scaling,
        local.granularity == "function" ? fs[0].scaling : {},
        { for k, v in try(var.scaling["default"], {}) : k => v if v != null },
        { for k, v in try(var.scaling[key], {}) : k => v if v != null },
      )
    }
  }

  # The part of an instance's memory that the Go runtime may use, as
  # manifest.Scaling.GoMemLimit has it.
  memory_mib = {
    for key, run in local.runs : key =>
    tonumber(regex("^([0-9]+)(?:Mi|Gi)$", run.scaling.memory)[0]) * (endswith(run.scaling.memory, "Gi") ? 1024 : 1)
  }
  go_memory_limit = { for key, mib in local.memory_mib : key => "${floor(mib * 85 / 100)}MiB" }

  # How functions.yaml scales a Cloud Run service of that kind.
  default_scaling = {
    for kind, s in local.manifest.scaling[local.granularity] : kind => {
      min_instances = s.minInstances
      max_instances = s.maxInstances
      concurrency   = s.concurrency
      pool          = s.pool
      cpu           = s.cpu
      memory        = s.memory
    }
  }

  # Every pair that a rule or a subscription is made of.
  subscriptions = merge([
    for name, f in local.functions : {
      for topic in f.topics : "${name}.${topic}" => {
        function = name
        run      = local.run_of[name]
        topic    = topic
        filter   = f.filter
      }
    }
  ]...)

  topics = toset(flatten([for f in values(local.functions) : concat(f.publishes, f.topics)]))
}
