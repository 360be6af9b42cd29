package terraform_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
)

// runTypes are the constraints of what runs, and of what starts it.
var runTypes = map[string]resourceType{
	"google_cloud_run_v2_service": {"run/v2 GoogleCloudRunV2Service", append(containers("template"),
		matches("name", "https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/create#query-parameters", `[a-z]([-a-z0-9]{0,47}[a-z0-9])?`, strings.Repeat("a", 50)),
		between("template.max_instance_request_concurrency", "https://cloud.google.com/run/docs/about-concurrency#concurrency_values", 1, 1000),
		between("template.timeout", "https://cloud.google.com/run/docs/configuring/request-timeout", 1, 3600),
		between("template.scaling.min_instance_count", "https://cloud.google.com/run/quotas", 0, 1000),
		between("template.scaling.max_instance_count", "https://cloud.google.com/run/quotas", 1, 1000),
		holds("template.scaling", "https://cloud.google.com/run/docs/configuring/max-instances", `{"min_instance_count": 3, "max_instance_count": 2}`, func(r resource) string {
			if low, high := r.at("min_instance_count"), r.at("max_instance_count"); low != nil && high != nil && low.(float64) > high.(float64) {
				return fmt.Sprintf("has at least %v and at most %v instances", low, high)
			}
			return ""
		}),
		between("template.containers.ports.container_port", "run/v2 GoogleCloudRunV2ContainerPort.containerPort: 0 < container_port < 65536", 1, 65535),
		probe("template.containers.startup_probe", 240),
		probe("template.containers.liveness_probe", 3600),
		between("template.containers.startup_probe.period_seconds", "run/v2 GoogleCloudRunV2Probe.periodSeconds: Maximum value for startup probe is 240", 1, 240),
		between("template.containers.liveness_probe.period_seconds", "run/v2 GoogleCloudRunV2Probe.periodSeconds: Maximum value for liveness probe is 3600", 1, 3600),
	)},
	"google_cloud_run_v2_job": {"run/v2 GoogleCloudRunV2Job", append(containers("template.template"),
		matches("name", "https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/create#query-parameters", `[a-z]([-a-z0-9]{0,47}[a-z0-9])?`, "Migrate"),
		between("template.task_count", "https://cloud.google.com/run/quotas#jobs", 1, 10000),
		between("template.template.max_retries", "https://cloud.google.com/run/docs/configuring/max-retries", 0, 10),
		between("template.template.timeout", "https://cloud.google.com/run/docs/configuring/task-timeout", 1, 168*3600),
	)},
	"google_cloud_run_domain_mapping": {"", []constraint{
		matches("name", "https://cloud.google.com/run/docs/mapping-custom-domains", `([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}`, "shop"),
		oneOf("location", "https://cloud.google.com/run/docs/mapping-custom-domains#map", "asia-east1", "asia-northeast1", "asia-southeast1",
			"europe-north1", "europe-west1", "europe-west4", "us-central1", "us-east1", "us-east4", "us-west1", "europe-west2"),
	}},
	"google_cloud_scheduler_job": {"cloudscheduler/v1 Job", []constraint{
		matches("name", "cloudscheduler/v1 Job.name: can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). The maximum length is 500", `[A-Za-z0-9_-]{1,500}`, "a.b"),
		length("description", "cloudscheduler/v1 Job.description: must not contain more than 500 characters", 0, 500),
		between("retry_config.retry_count", "cloudscheduler/v1 RetryConfig.retryCount: Values greater than 5 and negative values are not allowed", 0, 5),
		matches("time_zone", "cloudscheduler/v1 Job.timeZone: must be a time zone name from the", `Etc/UTC|[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+`, "GMT+2"),
		{"schedule", "https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules", func(v any) string {
			if _, err := cron.ParseStandard(fmt.Sprint(v)); err != nil {
				return err.Error()
			}
			return ""
		}, "61 * * * *"},
		exactlyOne("", "https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job", `{"http_target": [{}], "pubsub_target": [{}]}`, "pubsub_target", "http_target", "app_engine_http_target"),
		holds("pubsub_target", "cloudscheduler/v1 PubsubTarget.data: must contain either non-empty data, or at least one attribute", `{"topic_name": "a"}`, func(r resource) string {
			if attributes, _ := r.at("attributes").(map[string]any); len(attributes) == 0 && r.text("data") == "" {
				return "publishes nothing"
			}
			return ""
		}),
	}},
	"google_pubsub_topic": {"pubsub/v1 Topic", []constraint{
		matches("name", "pubsub/v1 Topic.name: It must be between 3 and 255 characters in length", pubsubName, "a b"),
		{"name", "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names", notGoog, "google"},
	}},
	"google_pubsub_subscription": {"pubsub/v1 Subscription", []constraint{
		matches("name", "pubsub/v1 Subscription.name: must start with a letter, and contain only letters", pubsubName, "1ab"),
		{"name", "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names", notGoog, "google"},
		between("ack_deadline_seconds", "pubsub/v1 Subscription.ackDeadlineSeconds: The maximum custom deadline you can specify is 600 seconds", 10, 600),
		between("message_retention_duration", "pubsub/v1 Subscription.messageRetentionDuration: Cannot be more than 31 days or less than 10 minutes", 600, 31*24*3600),
		between("dead_letter_policy.max_delivery_attempts", "pubsub/v1 DeadLetterPolicy.maxDeliveryAttempts: The value must be between 5 and 100", 5, 100),
		between("retry_policy.minimum_backoff", "pubsub/v1 RetryPolicy.minimumBackoff: Value should be between 0 and 600 seconds", 0, 600),
		between("retry_policy.maximum_backoff", "pubsub/v1 RetryPolicy.maximumBackoff: Value should be between 0 and 600 seconds", 0, 600),
		length("filter", "https://cloud.google.com/pubsub/docs/subscription-message-filter", 0, 256),
		holds("retry_policy", "https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff", `{"minimum_backoff": "60s", "maximum_backoff": "10s"}`, func(r resource) string {
			low, _ := number(r.at("minimum_backoff"))
			if high, known := number(r.at("maximum_backoff")); known && low > high {
				return "has a minimum above its maximum"
			}
			return ""
		}),
	}},
	"google_artifact_registry_repository": {"artifactregistry/v1 Repository", []constraint{
		matches("repository_id", "https://cloud.google.com/artifact-registry/docs/repositories/create-repos#create", `[a-z]([a-z0-9-]{0,61}[a-z0-9])?`, "Souk_images"),
		length("cleanup_policies.id", "artifactregistry/v1 Repository.cleanupPolicies: be under 128 characters in length", 1, 127),
		matches("cleanup_policies.condition.older_than", "https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy", `[0-9]+s`, "30d"),
		holds("cleanup_policies", "artifactregistry/v1 CleanupPolicy.mostRecentVersions: May only be specified with a Keep action", `{"action": "DELETE", "most_recent_versions": [{}]}`, func(r resource) string {
			if r.text("action") != "KEEP" && r.at("most_recent_versions", 0) != nil {
				return "deletes the most recent versions"
			}
			return ""
		}),
	}},
	"google_cloudbuild_trigger": {"cloudbuild/v1 BuildTrigger", []constraint{
		matches("name", "cloudbuild/v1 BuildTrigger.name: They can be 1-64 characters long", `[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?`, "a_b"),
		exactlyOne("", "https://cloud.google.com/build/docs/api/reference/rest/v1/projects.locations.triggers#BuildTrigger", `{"filename": "a", "build": [{}]}`, "filename", "build", "git_file_source"),
		between("build.timeout", "https://cloud.google.com/build/docs/build-config-file-schema#timeout", 1, 24*3600),
		holds("", "cloudbuild/v1 BuildTrigger.substitutions: ^_[A-Z0-9_]+$", `{"substitutions": {"_lower": "a"}}`, func(r resource) string {
			substitutions, _ := r.at("substitutions").(map[string]any)
			for name := range substitutions {
				if !regexp.MustCompile(`^_[A-Z0-9_]+$`).MatchString(name) {
					return fmt.Sprintf("has the substitution %q", name)
				}
			}
			return ""
		}),
	}},
}

const pubsubName = `[A-Za-z][-A-Za-z0-9_.~+%]{2,254}`

func notGoog(v any) string {
	if strings.HasPrefix(fmt.Sprint(v), "goog") {
		return "starts with goog"
	}
	return ""
}

// containers are the constraints of a Cloud Run template's containers.
func containers(at string) []constraint {
	return []constraint{
		matches(at+".containers.env.name", "https://cloud.google.com/run/docs/configuring/services/environment-variables#reserved", `[A-Za-z_][A-Za-z0-9_]*`, "1-A"),
		{at + ".containers.env.name", "https://cloud.google.com/run/docs/configuring/services/environment-variables#reserved", func(v any) string {
			if name := fmt.Sprint(v); slices.Contains([]string{"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"}, name) || strings.HasPrefix(name, "X_GOOGLE_") {
				return "is " + name + ", which Cloud Run reserves"
			}
			return ""
		}, "K_SERVICE"},
		length(at+".containers.env.value", "run/v2 GoogleCloudRunV2EnvVar.value: the maximum length is 32768 bytes", 0, 32768),
		holds(at+".vpc_access", "https://cloud.google.com/run/docs/reference/rest/v2/VpcAccess", `{"connector": "a", "network_interfaces": [{}]}`, func(r resource) string {
			if n, _ := r.at("network_interfaces").([]any); len(n) > 1 || len(n) > 0 && r.text("connector") != "" {
				return "has a connector and a network interface, or several of these"
			}
			return ""
		}),
		holds(at+".containers.resources.limits", "https://cloud.google.com/run/docs/configuring/services/memory-limits", `{"cpu": "4", "memory": "512Mi"}`, resourcesFault),
		holds(at+".containers.env", "https://cloud.google.com/run/docs/reference/rest/v2/Container#EnvVar", `{"name": "A", "value": "a", "value_source": [{}]}`, func(r resource) string {
			if r.at("value_source", 0) != nil && r.text("value") != "" {
				return "has a value and a source of one: " + r.text("name")
			}
			return ""
		}),
	}
}

// resourcesFault reports memory that does not go with the number of CPUs.
func resourcesFault(r resource) string {
	memory, err := strconv.ParseFloat(strings.TrimRight(r.text("memory"), "GMi"), 64)
	if strings.HasSuffix(r.text("memory"), "Gi") {
		memory *= 1024
	}
	least := map[string]float64{"1": 128, "2": 128, "4": 2048, "6": 4096, "8": 4096, "1000m": 128, "2000m": 128}
	most := map[string]float64{"1": 4096, "2": 8192, "4": 16384, "6": 24576, "8": 32768, "1000m": 4096, "2000m": 8192}
	if cpu := r.text("cpu"); err != nil || least[cpu] == 0 || memory < least[cpu] || memory > most[cpu] {
		return fmt.Sprintf("gives %s CPU %s of memory", cpu, r.text("memory"))
	}
	return ""
}

// probe is a constraint on a probe as a whole: timeouts, attempts and what is probed.
func probe(path string, total float64) constraint {
	return holds(path, "run/v2 GoogleCloudRunV2Probe.periodSeconds: Must be greater or equal than timeout_seconds", `{"timeout_seconds": 5, "period_seconds": 1, "failure_threshold": 1, "tcp_socket": [{}]}`, func(r resource) string {
		timeout, _ := number(r.at("timeout_seconds"))
		period, _ := number(r.at("period_seconds"))
		attempts, _ := number(r.at("failure_threshold"))
		kinds := 0
		for _, kind := range []string{"tcp_socket", "http_get", "grpc"} {
			if r.at(kind, 0) != nil {
				kinds++
			}
		}
		if timeout < 1 || timeout > period || attempts < 1 || attempts*period > total || kinds != 1 {
			return fmt.Sprintf("waits %vs every %vs for %v attempts, of %d kinds", timeout, period, attempts, kinds)
		}
		return ""
	})
}
