# A network of its own: functions reach the database by its private address, and
# nothing has a public one but the load balancer.

resource "google_compute_network" "shop" {
  name                    = "souk"
  auto_create_subnetworks = false

  depends_on = [google_project_service.api]
}

resource "google_compute_subnetwork" "functions" {
  name    = "souk-functions"
  network = google_compute_network.shop.id
  region  = var.region
  # Direct VPC egress takes addresses in blocks, and keeps them for some minutes
  # after an instance has gone: 2,046 are enough for some hundreds of instances.
  ip_cidr_range            = "10.10.0.0/21"
  private_ip_google_access = true
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
