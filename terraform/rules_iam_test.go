package terraform_test

import (
	"fmt"
	"strings"
)

// iamMember are the constraints of a grant, on whatever it is.
func iamMember(further ...constraint) resourceType {
	return resourceType{"", append(further,
		matches("role", "https://cloud.google.com/iam/docs/reference/rest/v1/Policy#Binding", `(roles/[a-z][A-Za-z]+(\.[A-Za-z]+)*|projects/[a-z0-9-]+/roles/\w+)`, "run.invoker"),
	)}
}

const (
	accountPattern = `[a-z][-a-z0-9]{4,28}[a-z0-9]`
	accountSource  = "iam/v1 CreateServiceAccountRequest.accountId: must be 6-30 characters long, and match the regular expression `[a-z]([-a-z0-9]*[a-z0-9])`"
	memberPage     = "https://cloud.google.com/iam/docs/principal-identifiers"
)

// iamTypes are the constraints of identities, grants and APIs.
var iamTypes = map[string]resourceType{
	"google_service_account": {"iam/v1 ServiceAccount", []constraint{
		matches("account_id", accountSource, accountPattern, "check"),
		length("display_name", "iam/v1 ServiceAccount.displayName: The maximum length is 100 UTF-8 bytes", 0, 100),
	}},
	"google_project_service": {"", []constraint{
		{"service", "https://cloud.google.com/service-usage/docs/reference/rest/v1/services", func(v any) string {
			name, rest, _ := strings.Cut(fmt.Sprint(v), ".")
			// The names of the APIs have no list here; these are not the ones of their clients.
			if rest != "googleapis.com" || name != strings.ToLower(name) || strings.ContainsAny(name, "/_") {
				return fmt.Sprintf("is %v, no API such as run.googleapis.com", v)
			}
			return ""
		}, "run"},
	}},
	"google_project_iam_member": iamMember(
		matches("project", "https://cloud.google.com/resource-manager/docs/creating-managing-projects", accountPattern, "shop"),
	),
	"google_project_iam_custom_role": {"iam/v1 Role", []constraint{
		matches("role_id", "https://cloud.google.com/iam/docs/creating-custom-roles#creating", `[A-Za-z0-9_.]{3,64}`, "a-b"),
		length("title", "iam/v1 Role.title: limited to 100 UTF-8 bytes", 1, 100),
		matches("permissions", "https://cloud.google.com/iam/docs/permissions-reference", `[a-z]+\.[A-Za-z]+\.[A-Za-z]+`, "cloudsql.admin"),
	}},
	"google_project_iam_audit_config": {"", []constraint{
		oneOf("audit_log_config.log_type", "https://cloud.google.com/logging/docs/audit/configure-data-access#config-api", "ADMIN_READ", "DATA_READ", "DATA_WRITE"),
		matches("service", "https://cloud.google.com/logging/docs/audit/configure-data-access", `[a-z]+\.googleapis\.com|allServices`, "secrets"),
	}},
	"google_artifact_registry_repository_iam_member": iamMember(),
	"google_cloud_run_v2_job_iam_member":             iamMember(),
	"google_cloud_run_v2_service_iam_member":         iamMember(),
	"google_pubsub_subscription_iam_member":          iamMember(),
	"google_pubsub_topic_iam_member":                 iamMember(),
	"google_secret_manager_secret_iam_member":        iamMember(),
	"google_service_account_iam_member":              iamMember(),
	"google_storage_bucket_iam_binding":              iamMember(),
	"google_storage_bucket_iam_member":               iamMember(),
	"google_iap_web_backend_service_iam_member": iamMember(
		matches("member", memberPage, `(user|group|serviceAccount|domain):[^ ]+@?[^ ]+`, "staff@example.com"),
	),
}
