package terraform_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	tierPage  = "https://cloud.google.com/sql/docs/mysql/instance-settings#machine-type-2ndgen"
	flagsPage = "https://cloud.google.com/sql/docs/mysql/flags"
)

// dataTypes are the constraints of what stores data.
var dataTypes = map[string]resourceType{
	"google_sql_database_instance": {"sqladmin/v1 DatabaseInstance", []constraint{
		matches("name", "https://cloud.google.com/sql/docs/mysql/instance-settings#instance-id-2ndgen", `[a-z]([-a-z0-9]{0,66}[a-z0-9])?`, "Souk"),
		oneOf("settings.disk_type", "sqladmin/v1 Settings.dataDiskType: `PD_SSD` (default) or `PD_HDD`", "PD_SSD", "PD_HDD", "HYPERDISK_BALANCED"),
		between("settings.disk_size", "sqladmin/v1 Settings.dataDiskSizeGb: The data disk size minimum is 10GB", 10, 65536),
		between("settings.backup_configuration.transaction_log_retention_days", "sqladmin/v1 BackupConfiguration.transactionLogRetentionDays: from 1-7", 1, 7),
		between("settings.backup_configuration.backup_retention_settings.retained_backups", "https://cloud.google.com/sql/docs/mysql/backup-recovery/backups#retention", 1, 365),
		matches("settings.backup_configuration.start_time", "sqladmin/v1 BackupConfiguration.startTime: in the 24 hour format - `HH:MM`", `([01][0-9]|2[0-3]):[0-5][0-9]`, "3:00"),
		between("settings.maintenance_window.day", "sqladmin/v1 MaintenanceWindow.day: 1 to 7, where `1` equals Monday", 1, 7),
		between("settings.maintenance_window.hour", "sqladmin/v1 MaintenanceWindow.hour: Hour of day - 0 to 23", 0, 23),
		between("settings.insights_config.query_string_length", "sqladmin/v1 InsightsConfig.queryStringLength: 256-4500 bytes", 256, 4500),
		oneOf("settings.maintenance_window.update_track", "sqladmin/v1 MaintenanceWindow.updateTrack: `canary`, `stable`, or `week5`", "canary", "stable", "week5"),
		{"settings.tier", tierPage, tierFault, "db-custom-3-8192"},
		holds("settings", "https://cloud.google.com/sql/docs/mysql/instance-settings#automatic-storage-increase-limit-2ndgen", `{"disk_size": 50, "disk_autoresize_limit": 20}`, func(r resource) string {
			limit, _ := number(r.at("disk_autoresize_limit"))
			if size, _ := number(r.at("disk_size")); limit != 0 && limit < size {
				return fmt.Sprintf("may grow to %v GB, and has %v", limit, size)
			}
			return ""
		}),
		holds("settings.database_flags", flagsPage, `{"name": "innodb_magic", "value": "on"}`, flagFault),
		holds("", "https://cloud.google.com/sql/docs/mysql/high-availability", `{"settings": [{"availability_type": "REGIONAL", "backup_configuration": [{"enabled": true}]}]}`, func(r resource) string {
			backed := r.text("settings", 0, "backup_configuration", 0, "enabled") == "true" && r.text("settings", 0, "backup_configuration", 0, "binary_log_enabled") == "true"
			if r.text("settings", 0, "availability_type") == "REGIONAL" && r.text("master_instance_name") == "" && !backed {
				return "is regional, and has no backups with binary logs"
			}
			return ""
		}),
		holds("", "https://cloud.google.com/sql/docs/mysql/replication#read-replicas", `{"master_instance_name": "souk", "settings": [{"backup_configuration": [{"enabled": true}]}]}`, func(r resource) string {
			if r.text("master_instance_name") != "" && r.at("settings", 0, "backup_configuration", 0) != nil {
				return "is a replica with backups"
			}
			return ""
		}),
	}},
	"google_sql_database": {"sqladmin/v1 Database", []constraint{
		matches("name", "https://dev.mysql.com/doc/refman/8.4/en/identifiers.html", `[A-Za-z0-9_$-]{1,64}`, "a/b"),
	}},
	"google_sql_user": {"sqladmin/v1 User", []constraint{
		holds("", "https://cloud.google.com/sql/docs/mysql/iam-authentication", `{"name": "a", "type": "CLOUD_IAM_SERVICE_ACCOUNT", "password": "a"}`, func(r resource) string {
			if r.text("type") == "CLOUD_IAM_SERVICE_ACCOUNT" && r.text("password")+r.text("password_wo")+r.text("host") != "" {
				return "logs in by IAM, and has a password or a host"
			}
			return ""
		}),
		{"name", "https://cloud.google.com/sql/docs/mysql/add-manage-iam-users", func(v any) string {
			// A login by IAM has the account's name up to the @; MySQL takes 32 characters.
			if name, _, _ := strings.Cut(fmt.Sprint(v), "@"); name == "" || len(name) > 32 {
				return fmt.Sprintf("is %q", name)
			}
			return ""
		}, strings.Repeat("a", 33)},
	}},
	"google_secret_manager_secret": {"secretmanager/v1 Secret", []constraint{
		matches("secret_id", "https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create#query-parameters", `[A-Za-z0-9_-]{1,255}`, "a.b"),
		between("rotation.rotation_period", "secretmanager/v1 Rotation.rotationPeriod: at least 3600s (1h) and at most 3153600000s (100 years)", 3600, 3153600000),
		between("version_destroy_ttl", "https://cloud.google.com/secret-manager/docs/delay-destruction-of-secret-versions", 24*3600, 1000*24*3600),
		exactlyOne("replication", "https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets#Replication", `{"auto": [{}], "user_managed": [{}]}`, "auto", "user_managed"),
		{"rotation.next_rotation_time", "secretmanager/v1 Rotation.nextRotationTime: Cannot be set to less than 300s (5 min) in the future", func(v any) string {
			if at, err := time.Parse(time.RFC3339, fmt.Sprint(v)); err != nil || time.Until(at) < 300*time.Second {
				return fmt.Sprintf("is %v, less than five minutes in the future", v)
			}
			return ""
		}, "2026-01-15T09:00:00Z"},
		holds("", "secretmanager/v1 Rotation.rotationPeriod: If rotation_period is set, next_rotation_time must be set", `{"rotation": [{"rotation_period": "3600s"}]}`, func(r resource) string {
			if r.at("rotation", 0) != nil && (r.text("rotation", 0, "next_rotation_time") == "" || r.at("topics", 0) == nil) {
				return "rotates without a first time or a topic"
			}
			return ""
		}),
	}},
	"google_secret_manager_secret_version": {"", []constraint{
		holds("", "https://registry.terraform.io/providers/hashicorp/google/6.50.0/docs/resources/secret_manager_secret_version", `{"secret_data": "a", "secret_data_wo_version": 1}`, func(r resource) string {
			if r.at("secret_data") != nil && r.at("secret_data_wo_version") != nil {
				return "has its data twice"
			}
			return ""
		}),
	}},
	"google_storage_bucket": {"storage/v1 Bucket", []constraint{
		matches("name", "https://cloud.google.com/storage/docs/buckets#naming", `[a-z0-9]([-_.a-z0-9]{1,61})[a-z0-9]`, "A"),
		oneOf("public_access_prevention", "https://cloud.google.com/storage/docs/public-access-prevention", "enforced", "inherited"),
		between("retention_policy.retention_period", "https://cloud.google.com/storage/docs/bucket-lock#retention-periods", 1, 3155760000),
		{"soft_delete_policy.retention_duration_seconds", "https://cloud.google.com/storage/docs/soft-delete#retention-duration", func(v any) string {
			if n, known := number(v); !known || n != 0 && (n < 7*86400 || n > 90*86400) {
				return fmt.Sprintf("is %v, neither 0 nor 7 to 90 days", v)
			}
			return ""
		}, 86400},
	}},
	"google_workflows_workflow": {"workflows/v1 Workflow", []constraint{
		matches("name", "https://cloud.google.com/workflows/docs/reference/rest/v1/projects.locations.workflows/create#query-parameters", `[A-Za-z]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?`, "1"),
		length("description", "workflows/v1 Workflow.description: Must be at most 1000 Unicode characters long", 0, 1000),
		length("source_contents", "workflows/v1 Workflow.sourceContents: The size limit is 128KB", 1, 128<<10),
	}},
	"google_service_networking_connection": {"", []constraint{
		oneOf("service", "https://cloud.google.com/vpc/docs/configure-private-services-access", "servicenetworking.googleapis.com"),
	}},
}

// tierFault reports a machine that Cloud SQL does not have: an odd number of CPUs, or
// memory that is not 0.9 to 6.5 GB for each in steps of 256 MB.
func tierFault(v any) string {
	tier := fmt.Sprint(v)
	if slices.Contains([]string{"db-f1-micro", "db-g1-small"}, tier) || strings.HasPrefix(tier, "db-perf-optimized-N-") {
		return ""
	}
	var cpus, memory int
	if n, _ := fmt.Sscanf(tier, "db-custom-%d-%d", &cpus, &memory); n != 2 || cpus < 1 || cpus > 96 || cpus > 1 && cpus%2 != 0 ||
		memory%256 != 0 || memory < 3840 || memory*10 < cpus*9*1024 || memory*10 > cpus*65*1024 {
		return "is " + tier
	}
	return ""
}

// flags are those of MySQL 8.4 that are used, with what each may be.
var flags = map[string]func(string) bool{
	"max_connections":             inRange(10, 100000),
	"cloudsql_iam_authentication": onOff,
	"character_set_server":        is("utf8mb4"),
	"collation_server":            is("utf8mb4_unicode_ci"),
	"default_time_zone":           is("+00:00"),
	"innodb_lock_wait_timeout":    inRange(1, 1073741824),
	"innodb_print_all_deadlocks":  onOff,
	"slow_query_log":              onOff,
	"long_query_time":             inRange(0, 30000000),
	"log_output":                  is("FILE", "TABLE", "NONE", "FILE,TABLE"),
	"local_infile":                onOff,
	"wait_timeout":                inRange(1, 31536000),
}

func onOff(value string) bool { return value == "on" || value == "off" }

func is(allowed ...string) func(string) bool {
	return func(value string) bool { return slices.Contains(allowed, value) }
}

func inRange(least, most float64) func(string) bool {
	return func(value string) bool {
		n, err := strconv.ParseFloat(value, 64)
		return err == nil && n >= least && n <= most
	}
}

func flagFault(r resource) string {
	allowed, known := flags[r.text("name")]
	if !known || !allowed(r.text("value")) {
		return fmt.Sprintf("has %s = %s, and Cloud SQL takes %q", r.text("name"), r.text("value"), slices.Sorted(maps.Keys(flags)))
	}
	return ""
}
