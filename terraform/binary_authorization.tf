# Binary Authorization, if it is asked for: Cloud Run starts only images that the pipeline
# has signed after its tests and its scan. https://cloud.google.com/binary-authorization/docs/overview

locals {
  signs            = var.binary_authorization != "off"
  enforcement_mode = var.binary_authorization == "enforce" ? "ENFORCED_BLOCK_AND_AUDIT_LOG" : "DRYRUN_AUDIT_LOG_ONLY"
}

resource "google_kms_key_ring" "pipeline" {
  count = local.signs ? 1 : 0

  name     = "pipeline"
  location = var.region

  depends_on = [google_project_service.api]
}

resource "google_kms_crypto_key" "attestations" {
  count = local.signs ? 1 : 0

  name     = "attestations"
  key_ring = google_kms_key_ring.pipeline[0].id
  purpose  = "ASYMMETRIC_SIGN"

  version_template {
    algorithm        = "EC_SIGN_P256_SHA256"
    protection_level = "SOFTWARE"
  }
}

data "google_kms_crypto_key_version" "pipeline" {
  count = local.signs ? 1 : 0

  crypto_key = google_kms_crypto_key.attestations[0].id
}

resource "google_container_analysis_note" "pipeline" {
  count = local.signs ? 1 : 0

  name = "souk-pipeline"
  attestation_authority {
    hint {
      human_readable_name = "Souk: tested and scanned by the pipeline"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_binary_authorization_attestor" "pipeline" {
  count = local.signs ? 1 : 0

  name = "souk-pipeline"
  attestation_authority_note {
    note_reference = google_container_analysis_note.pipeline[0].name
    public_keys {
      id = data.google_kms_crypto_key_version.pipeline[0].id
      pkix_public_key {
        public_key_pem      = data.google_kms_crypto_key_version.pipeline[0].public_key[0].pem
        signature_algorithm = "ECDSA_P256_SHA256"
      }
    }
  }
}

resource "google_binary_authorization_policy" "shop" {
  count = local.signs ? 1 : 0

  default_admission_rule {
    evaluation_mode         = "REQUIRE_ATTESTATION"
    enforcement_mode        = local.enforcement_mode
    require_attestations_by = [google_binary_authorization_attestor.pipeline[0].name]
  }
}

# Only who deploys signs.
resource "google_kms_crypto_key_iam_member" "sign" {
  count = local.signs ? 1 : 0

  crypto_key_id = google_kms_crypto_key.attestations[0].id
  role          = "roles/cloudkms.signerVerifier"
  member        = "serviceAccount:${google_service_account.rollout.email}"
}

resource "google_container_analysis_note_iam_member" "attach" {
  for_each = local.signs ? toset([
    "roles/containeranalysis.notes.attacher", "roles/containeranalysis.notes.occurrences.viewer",
  ]) : []

  note   = google_container_analysis_note.pipeline[0].name
  role   = each.key
  member = "serviceAccount:${google_service_account.rollout.email}"
}

resource "google_binary_authorization_attestor_iam_member" "read" {
  count = local.signs ? 1 : 0

  attestor = google_binary_authorization_attestor.pipeline[0].name
  role     = "roles/binaryauthorization.attestorsViewer"
  member   = "serviceAccount:${google_service_account.rollout.email}"
}

# The plans read the public key, which the attestor names.
resource "google_kms_crypto_key_iam_member" "plan" {
  for_each = local.signs ? {
    for pair in setproduct(keys(local.planners), ["roles/cloudkms.viewer", "roles/cloudkms.publicKeyViewer"]) :
    join(" ", pair) => { planner = pair[0], role = pair[1] }
  } : {}

  crypto_key_id = google_kms_crypto_key.attestations[0].id
  role          = each.value.role
  member        = "serviceAccount:${local.planners[each.value.planner]}"
}
