# How large the shop is. The profile decides what stands around the functions, and the
# defaults of what they need; variables that are given come first.

locals {
  profiles = {
    standard = {
      load_balancer   = true
      granularity     = "function"
      tier            = "db-g1-small"
      max_connections = 800
      scaling         = {}
      exports         = true
      alerts          = null # all of alerting.tf, and those of the SLOs
    }
    # What it lacks: docs/deploy.md.
    tiny = {
      load_balancer   = false
      granularity     = "service"
      tier            = "db-f1-micro"
      max_connections = 100
      scaling         = { max_instances = 2, pool = 3 }
      exports         = false
      alerts = [
        "database-disk", "database-down", "database-export", "dead-letters", "order-not-confirmed", "order-not-paid",
        "outbox-stuck", "shop-unreachable",
      ]
    }
  }
  profile = local.profiles[var.profile]

  load_balancer = local.profile.load_balancer
  granularity   = coalesce(var.granularity, local.profile.granularity)

  database = {
    tier            = coalesce(var.database.tier, local.profile.tier)
    max_connections = coalesce(var.database.max_connections, local.profile.max_connections)
  }
}
