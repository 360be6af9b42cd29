package terraform_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	burnPage    = "https://cloud.google.com/stackdriver/docs/solutions/slo-monitoring/alerting-on-budget-burn-rate"
	channelPage = "https://cloud.google.com/monitoring/alerts/using-channels-api"
)

// watchTypes are the constraints of what is measured, logged and announced.
var watchTypes = map[string]resourceType{
	"google_monitoring_alert_policy": {"monitoring/v3 AlertPolicy", []constraint{
		length("display_name", "monitoring/v3 AlertPolicy.displayName: limited to 512 Unicode characters", 1, 512),
		length("documentation.content", "monitoring/v3 Documentation.content: The content may not exceed 8,192 Unicode characters", 1, 8192),
		length("documentation.subject", "monitoring/v3 Documentation.subject: truncated to 255 bytes", 1, 255),
		holds("", "monitoring/v3 AlertPolicy.conditions: A policy can have from one to six conditions", `{"conditions": []}`, func(r resource) string {
			if n := r.count("conditions"); n < 1 || n > 6 {
				return fmt.Sprintf("has %v conditions", n)
			}
			return ""
		}),
		{"conditions.condition_prometheus_query_language.evaluation_interval", "monitoring/v3 PrometheusQueryLanguageCondition.evaluationInterval: Must be a positive multiple of 30 seconds", multipleOf(30, 30), "45s"},
		between("conditions.condition_prometheus_query_language.duration", "monitoring/v3 PrometheusQueryLanguageCondition.duration: Must be a non-negative duration", 0, 24*3600),
		{"conditions.condition_prometheus_query_language.query", "https://cloud.google.com/monitoring/alerts/types-of-conditions#metric-threshold", lookbackFault, "rate(a[25h])"},
		{"conditions.condition_threshold.duration", "monitoring/v3 MetricThreshold.duration: only values that are a multiple of a minute", multipleOf(60, 0), "90s"},
		oneOf("conditions.condition_threshold.comparison", "monitoring/v3 MetricThreshold.comparison: Only COMPARISON_LT and COMPARISON_GT are supported currently", "COMPARISON_LT", "COMPARISON_GT"),
		{"conditions.display_name", burnPage, windowFault, "2 times the pace, over 259200s"},
	}},
	"google_monitoring_slo": {"monitoring/v3 ServiceLevelObjective", []constraint{
		matches("slo_id", "https://cloud.google.com/monitoring/api/ref_v3/rest/v3/services.serviceLevelObjectives/create", `[A-Za-z0-9:._-]+`, "a b"),
		between("goal", "monitoring/v3 ServiceLevelObjective.goal: 0 < goal <= 0.9999", 0.0001, 0.9999),
		between("rolling_period_days", "monitoring/v3 ServiceLevelObjective.rollingPeriod: no larger than 30 days", 1, 30),
		holds("request_based_sli.good_total_ratio", "https://cloud.google.com/monitoring/api/ref_v3/rest/v3/services.serviceLevelObjectives#TimeSeriesRatio", `{"total_service_filter": "a"}`, func(r resource) string {
			set := 0
			for _, name := range []string{"good_service_filter", "bad_service_filter", "total_service_filter"} {
				if r.text(name) != "" {
					set++
				}
			}
			if set != 2 {
				return fmt.Sprintf("has %d of the three filters, and takes two", set)
			}
			return ""
		}),
	}},
	"google_monitoring_custom_service": {"", []constraint{
		matches("service_id", "https://cloud.google.com/monitoring/api/ref_v3/rest/v3/services/create#query-parameters", `[a-z0-9-]+`, "Order"),
	}},
	"google_monitoring_uptime_check_config": {"monitoring/v3 UptimeCheckConfig", []constraint{
		oneOf("period", "monitoring/v3 UptimeCheckConfig.period: the only supported values are 60s (1 minute), 300s (5 minutes), 600s (10 minutes), and 900s (15 minutes)", "60s", "300s", "600s", "900s"),
		between("timeout", "monitoring/v3 UptimeCheckConfig.timeout: must be between 1 and 60 seconds", 1, 60),
		between("http_check.port", "https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.uptimeCheckConfigs#HttpCheck", 1, 65535),
		oneOf("monitored_resource.type", "monitoring/v3 UptimeCheckConfig.monitoredResource: uptime_url", "uptime_url", "cloud_run_revision"),
		holds("", "monitoring/v3 UptimeCheckConfig.selectedRegions: enough regions must be provided to include a minimum of 3 locations", `{"selected_regions": ["EUROPE"]}`, func(r resource) string {
			if n := r.count("selected_regions"); n > 0 && n < 3 {
				return fmt.Sprintf("is asked from %v regions", n)
			}
			return ""
		}),
	}},
	"google_monitoring_notification_channel": {"monitoring/v3 NotificationChannel", []constraint{
		length("display_name", "monitoring/v3 NotificationChannel.displayName: limited to 512 Unicode characters", 1, 512),
		holds("", channelPage, `{"type": "webhook_tokenauth", "labels": {}}`, func(r resource) string {
			// What each type must be given: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.notificationChannelDescriptors
			label := map[string]string{"email": "email_address", "webhook_tokenauth": "url"}[r.text("type")]
			if label != "" && r.text("labels", label) == "" || r.text("type") == "pagerduty" && r.text("sensitive_labels", 0, "service_key") == "" {
				return "does not say where to"
			}
			return ""
		}),
		oneOf("type", channelPage, "email", "pagerduty", "pubsub", "slack", "webhook_basicauth", "webhook_tokenauth"),
	}},
	"google_monitoring_dashboard": {"", []constraint{
		{"dashboard_json", "https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards", dashboardFault, `{"displayName": "a", "mosaicLayout": {"columns": 49, "tiles": []}}`},
	}},
	"google_logging_metric": {"logging/v2 LogMetric", []constraint{
		matches("name", "logging/v2 LogMetric.name: limited to 100 characters", `[A-Za-z0-9_.,+!*'()%-][A-Za-z0-9_.,+!*'()%/-]{0,99}`, "/a"),
		length("description", "logging/v2 LogMetric.description: maximum length of the description is 8000", 0, 8000),
		length("filter", "logging/v2 LogMetric.filter: The maximum length of the filter is 20000", 1, 20000),
		holds("", "logging/v2 LogMetric.labelExtractors: must have an associated extractor expression in this map", `{"metric_descriptor": [{"labels": [{"key": "a"}]}], "label_extractors": {"b": ""}}`, func(r resource) string {
			extractors, _ := r.at("label_extractors").(map[string]any)
			for _, key := range r.valuesAt("metric_descriptor.labels.key") {
				if extractors[fmt.Sprint(key)] == nil {
					return fmt.Sprintf("has no extractor of %v", key)
				}
			}
			if (r.text("metric_descriptor", 0, "value_type") == "DISTRIBUTION") != (r.text("value_extractor") != "") {
				return "has a distribution without an extractor, or one of no distribution"
			}
			return ""
		}),
		holds("bucket_options.explicit_buckets", "https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics#Explicit", `{"bounds": [2, 1]}`, func(r resource) string {
			bounds := r.valuesAt("bounds")
			if !slices.IsSortedFunc(bounds, func(a, b any) int { return int(a.(float64)*1000) - int(b.(float64)*1000) }) {
				return fmt.Sprintf("has the bounds %v", bounds)
			}
			return ""
		}),
	}},
	"google_logging_project_bucket_config": {"logging/v2 LogBucket", []constraint{
		matches("bucket_id", "https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.locations.buckets/create#query-parameters", `[A-Za-z0-9][A-Za-z0-9_.-]{0,99}`, "-a"),
		between("retention_days", "logging/v2 LogBucket.retentionDays: The minimum retention period is 1 day", 1, 3650),
	}},
	"google_logging_project_sink": {"logging/v2 LogSink", []constraint{
		matches("name", "logging/v2 LogSink.name: limited to 100 characters", `[A-Za-z0-9][A-Za-z0-9_.-]{0,99}`, "a b"),
		length("filter", "https://cloud.google.com/logging/quotas", 1, 20000),
		length("exclusions.filter", "https://cloud.google.com/logging/quotas", 1, 20000),
	}},
	"google_logging_project_exclusion": {"logging/v2 LogExclusion", []constraint{
		matches("name", "logging/v2 LogExclusion.name: Identifiers are limited to 100 characters", `[A-Za-z0-9][A-Za-z0-9_.-]{0,99}`, "a b"),
		length("filter", "https://cloud.google.com/logging/quotas", 1, 20000),
	}},
	"google_billing_budget": {"", []constraint{
		length("display_name", "billingbudgets/v1 GoogleCloudBillingBudgetsV1Budget.displayName: less than or equal to 60 characters", 1, 60),
		between("threshold_rules.threshold_percent", "billingbudgets/v1 GoogleCloudBillingBudgetsV1ThresholdRule.thresholdPercent: non-negative number", 0, 10),
		oneOf("threshold_rules.spend_basis", "https://cloud.google.com/billing/docs/reference/budget/rest/v1/billingAccounts.budgets#Basis", "CURRENT_SPEND", "FORECASTED_SPEND"),
		matches("billing_account", "https://cloud.google.com/billing/docs/how-to/find-billing-account-id", `[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}`, "1234"),
	}},
}

func multipleOf(step, least int) func(any) string {
	return func(v any) string {
		if n, known := number(v); !known || int(n) < least || int(n)%step != 0 {
			return fmt.Sprintf("is %v, no multiple of %d seconds", v, step)
		}
		return ""
	}
}

// lookbackFault reports a range in PromQL of more than 24 hours.
func lookbackFault(v any) string {
	for _, window := range all(`\[([0-9]+[smhdw])\]`, fmt.Sprint(v)) {
		var n int
		var unit string
		if _, err := fmt.Sscanf(window, "%d%s", &n, &unit); err != nil || n*map[string]int{"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit] > 86400 {
			return "looks back for " + window
		}
	}
	return ""
}

// windowFault reads the window of a burn rate in the condition's name: the filter names
// an SLO that has its own name only after the apply.
func windowFault(v any) string {
	if _, window, named := strings.Cut(fmt.Sprint(v), ", over "); named {
		if n, known := number(window); !known || n > 86400 {
			return "looks back for " + window + ", and a burn rate for 24 hours at most"
		}
	}
	return ""
}

// dashboardFault reports tiles that do not fit into their dashboard.
func dashboardFault(v any) string {
	var board struct {
		DisplayName  string
		MosaicLayout struct {
			Columns int
			Tiles   []struct{ XPos, YPos, Width, Height int }
		}
	}
	if err := json.Unmarshal([]byte(fmt.Sprint(v)), &board); err != nil {
		return err.Error()
	}
	layout := board.MosaicLayout
	if board.DisplayName == "" || layout.Columns < 1 || layout.Columns > 48 || len(layout.Tiles) > 100 {
		return fmt.Sprintf("has %d columns and %d tiles", layout.Columns, len(layout.Tiles))
	}
	for i, tile := range layout.Tiles {
		if tile.Width < 1 || tile.Height < 1 || tile.XPos+tile.Width > layout.Columns {
			return fmt.Sprintf("has tile %d beyond its columns", i)
		}
	}
	return ""
}
