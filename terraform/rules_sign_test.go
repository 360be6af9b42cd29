package terraform_test

import "fmt"

// signTypes are the constraints of what signs images.
var signTypes = map[string]resourceType{
	"google_kms_key_ring": {"", []constraint{
		matches("name", "https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings/create#query-parameters", `[a-zA-Z0-9_-]{1,63}`, "a b"),
	}},
	"google_kms_crypto_key": {"", []constraint{
		matches("name", "https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/create#query-parameters", `[a-zA-Z0-9_-]{1,63}`, "a b"),
		holds("", "https://cloud.google.com/kms/docs/key-rotation#asymmetric", `{"purpose": "ASYMMETRIC_SIGN", "rotation_period": "7776000s"}`, func(r resource) string {
			if r.text("purpose") != "ENCRYPT_DECRYPT" && r.text("rotation_period") != "" {
				return "rotates a key that is not symmetric"
			}
			return ""
		}),
		oneOf("version_template.protection_level", "https://cloud.google.com/kms/docs/protection-levels", "SOFTWARE", "HSM", "EXTERNAL", "EXTERNAL_VPC"),
		// Binary Authorization verifies by these: https://cloud.google.com/binary-authorization/docs/creating-attestors-cli
		oneOf("version_template.algorithm", "https://cloud.google.com/kms/docs/algorithms#elliptic_curve_signing_algorithms", "EC_SIGN_P256_SHA256", "EC_SIGN_P384_SHA384"),
	}},
	"google_container_analysis_note": {"", []constraint{
		matches("name", "https://cloud.google.com/artifact-analysis/docs/reference/rest/v1/projects.notes", `[a-zA-Z0-9_-]{1,100}`, "a b"),
		length("attestation_authority.hint.human_readable_name", "https://cloud.google.com/artifact-analysis/docs/reference/rest/v1/projects.notes#Hint", 1, 128),
	}},
	"google_binary_authorization_attestor": {"", []constraint{
		matches("name", "https://cloud.google.com/binary-authorization/docs/reference/rest/v1/projects.attestors", `[a-z][a-z0-9_-]{0,62}`, "A b"),
	}},
	"google_binary_authorization_policy": {"binaryauthorization/v1 Policy", []constraint{
		oneOf("default_admission_rule.evaluation_mode", "https://cloud.google.com/binary-authorization/docs/reference/rest/v1/Policy#EvaluationMode", "ALWAYS_ALLOW", "REQUIRE_ATTESTATION", "ALWAYS_DENY"),
		holds("default_admission_rule", "https://cloud.google.com/binary-authorization/docs/reference/rest/v1/Policy#AdmissionRule", `{"evaluation_mode": "REQUIRE_ATTESTATION", "enforcement_mode": "ALWAYS"}`, func(r resource) string {
			if mode := r.text("enforcement_mode"); mode != "ENFORCED_BLOCK_AND_AUDIT_LOG" && mode != "DRYRUN_AUDIT_LOG_ONLY" {
				return fmt.Sprintf("has the enforcement mode %q", mode)
			}
			return ""
		}),
	}},
	"google_kms_crypto_key_iam_member":                iamMember(),
	"google_container_analysis_note_iam_member":       iamMember(),
	"google_binary_authorization_attestor_iam_member": iamMember(),
}
