# A network of its own: functions reach the database by its private address, and
# nothing has a public one but the load balancer.

resource "google_compute_network" "shop" {
  name                    = "souk"
  auto_create_subnetworks = false

  depends_on = [google_project_service.api]
}

resource "google_compute_subnetwork" "functions" {
  name                     = "souk-functions"
  network                  = google_compute_network.shop.id
  region                   = var.region
  ip_cidr_range            = var.subnet
  private_ip_google_access = true

  lifecycle {
    precondition {
      condition     = local.addresses_needed <= local.addresses
      error_message = <<-EOT
        Cloud Run may need ${local.addresses_needed} addresses (twice the instances of each service and job, in blocks
        of 16), and subnet = "${var.subnet}" has ${local.addresses}: give it a shorter prefix, or lower max_instances
        in scaling.
      EOT
    }
  }
}

locals {
  # Direct VPC egress uses twice as many addresses as there are instances, reserves them 16
  # at a time, and holds them for some minutes after an instance has stopped:
  # https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#direct-vpc-ip-allocation
  # The jobs migrate and smoke run one instance each, twice for the same reason; souk gateway
  # of a tiny shop has two. A subnet does not give away four of its addresses:
  # https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet
  blocks_of_jobs    = 2 * 2
  blocks_of_gateway = local.load_balancer ? 0 : 1
  addresses_needed = 4 + 16 * (local.blocks_of_jobs + local.blocks_of_gateway + sum([
    for run in values(local.runs) : ceil(run.scaling.max_instances * 2 / 16)
  ]))
  addresses = pow(2, 32 - tonumber(split("/", var.subnet)[1]))
}

# The addresses that Google puts the database in.
resource "google_compute_global_address" "private_services" {
  name          = "souk-private-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.shop.id
}

resource "google_service_networking_connection" "private_services" {
  network                 = google_compute_network.shop.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.private_services.name]
}
