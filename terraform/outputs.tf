output "address" {
  description = <<-EOT
    What the domain's DNS record must point to: an A record; with profile "tiny", a CNAME record, or none for a domain
    that ends in .run.app.
  EOT
  value       = try(google_compute_global_address.front[0].address, local.mapped ? "ghs.googlehosted.com" : "none")
}

output "url" {
  description = "The shop."
  value       = "https://${var.domain}"
}

output "images" {
  description = "Where the pipeline pushes images to."
  value       = local.substitutions._REPOSITORY
}

output "pipeline" {
  description = "What a build by hand needs: gcloud builds submit, as docs/rollout.md shows it."
  value = {
    service_account = google_service_account.build.id
    source          = "gs://${google_storage_bucket.source.name}/source"
    substitutions   = join(",", [for name, value in local.substitutions : "${name}=${value}"])
  }
}

output "instance" {
  description = "The database instance, as cloud-sql-proxy wants it."
  value       = google_sql_database_instance.main["souk"].connection_name
}

output "exports" {
  description = "Where the databases are exported to, by instance."
  value       = local.export_folders
}

output "connection_budget" {
  description = "Connections that may be opened at most, and those that there are."
  value = {
    needed = local.connections_needed
    limit  = local.database.max_connections
  }
}

output "services" {
  description = "Every Cloud Run service and the functions that it serves."
  value       = { for key, fs in local.runs_grouped : key => fs[*].name }
}

output "secrets_to_fill" {
  description = "The secrets whose first version an operator adds."
  value       = sort(local.secrets)
}

output "webhook_url" {
  description = "Where the payment provider sends its callbacks to, once payments are configured: docs/deploy.md."
  value       = try("https://${var.domain}/v1/payments/${var.payments.provider}/webhook", "none")
}
