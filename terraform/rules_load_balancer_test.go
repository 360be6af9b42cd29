package terraform_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// rfc1035 is the pattern of names in Compute Engine.
const (
	rfc1035    = `[a-z]([-a-z0-9]{0,61}[a-z0-9])?`
	namingPage = "https://cloud.google.com/compute/docs/naming-resources"
	armorPage  = "https://cloud.google.com/armor/quotas"
)

func name1035() constraint { return matches("name", namingPage, rfc1035, "Souk_front") }

// frontTypes are the constraints of the load balancer and the network.
var frontTypes = map[string]resourceType{
	"google_compute_backend_service": {"compute/v1 BackendService", []constraint{
		name1035(),
		oneOf("protocol", "https://cloud.google.com/load-balancing/docs/negs/serverless-neg-concepts", "HTTP", "HTTPS", "HTTP2"),
		between("log_config.sample_rate", "compute/v1 BackendServiceLogConfig.sampleRate: The value of the field must be in [0, 1]", 0, 1),
		between("cdn_policy.serve_while_stale", "compute/v1 BackendServiceCdnPolicy.serveWhileStale: The maximum allowed value is 604800 (1 week)", 0, 604800),
		holds("cdn_policy", "https://cloud.google.com/cdn/docs/using-ttl-overrides", `{"cache_mode": "USE_ORIGIN_HEADERS", "default_ttl": 60}`, func(r resource) string {
			for _, ttl := range []string{"default_ttl", "max_ttl", "client_ttl"} {
				if r.text("cache_mode") == "USE_ORIGIN_HEADERS" && r.at(ttl) != nil {
					return "takes the origin's headers, and sets " + ttl
				}
			}
			if headers, _ := r.at("bypass_cache_on_request_headers").([]any); len(headers) > 5 {
				return "bypasses the cache on more than five headers"
			}
			return ""
		}),
		holds("", "https://cloud.google.com/cdn/docs/dynamic-compression", `{"enable_cdn": false, "compression_mode": "AUTOMATIC"}`, func(r resource) string {
			if r.text("compression_mode") == "AUTOMATIC" && r.text("enable_cdn") != "true" {
				return "compresses, and has no Cloud CDN"
			}
			return ""
		}),
		holds("", "https://cloud.google.com/iap/docs/enabling-compute-howto#limitations", `{"enable_cdn": true, "iap": [{"enabled": true}]}`, func(r resource) string {
			if r.text("iap", 0, "enabled") == "true" && r.text("enable_cdn") == "true" {
				return "has Identity-Aware Proxy and Cloud CDN"
			}
			return ""
		}),
		holds("", "https://cloud.google.com/load-balancing/docs/negs/serverless-neg-concepts#limitations", `{"timeout_sec": 60}`, func(r resource) string {
			if health, _ := r.at("health_checks").([]any); len(health) > 0 || r.at("timeout_sec") != nil || r.text("port_name") != "" {
				return "has a health check, a timeout or a port, and a serverless backend"
			}
			return ""
		}),
	}},
	"google_compute_region_network_endpoint_group": {"compute/v1 NetworkEndpointGroup", []constraint{
		name1035(),
		exactlyOne("", "https://cloud.google.com/compute/docs/reference/rest/v1/regionNetworkEndpointGroups", `{"cloud_run": [{}], "app_engine": [{}]}`, "cloud_run", "app_engine", "cloud_function", "psc_data"),
		matches("cloud_run.service", "compute/v1 NetworkEndpointGroupCloudRun.service: 1-63 characters long", rfc1035, "A"),
	}},
	"google_compute_url_map": {"compute/v1 UrlMap", []constraint{
		name1035(),
		holds("", "compute/v1 UrlMap.defaultUrlRedirect: Only one of defaultUrlRedirect, defaultService", `{"default_route_action": [{}], "default_url_redirect": [{}]}`, func(r resource) string {
			if r.at("default_url_redirect", 0) != nil && (r.text("default_service") != "" || r.at("default_route_action", 0) != nil) {
				return "redirects all requests, and has a service for them"
			}
			return ""
		}),
		between("default_route_action.fault_injection_policy.abort.http_status", "compute/v1 HttpFaultAbort.httpStatus: The value must be from 200 to 599 inclusive", 200, 599),
		between("default_route_action.fault_injection_policy.abort.percentage", "compute/v1 HttpFaultAbort.percentage: The value must be from 0.0 to 100.0 inclusive", 0, 100),
		between("path_matcher.route_rules.priority", "compute/v1 HttpRouteRule.priority: a number from 0 to 2147483647 inclusive", 0, 2147483647),
		between("path_matcher.route_rules.route_action.cors_policy.max_age", "https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Access-Control-Max-Age", 0, 86400),
		{"path_matcher.route_rules.match_rules.path_template_match", "compute/v1 HttpRouteRuleMatch.pathTemplateMatch: No more than 5 operators", templateFault, "/*/*/*/*/*/*"},
		holds("path_matcher", "compute/v1 HttpRouteRule.priority: You cannot configure two or more routeRules with the same priority", `{"route_rules": [{"priority": 1}, {"priority": 1}]}`, unique("route_rules", "priority")),
		holds("path_matcher.route_rules.match_rules", "https://cloud.google.com/compute/docs/reference/rest/v1/urlMaps", `{"prefix_match": "/", "path_template_match": "/a"}`, func(r resource) string {
			return exactlyOne("", "", `{}`, "prefix_match", "full_path_match", "regex_match", "path_template_match").check(r.Values)
		}),
	}},
	"google_compute_global_address": {"compute/v1 Address", []constraint{
		name1035(),
		oneOf("purpose", "https://cloud.google.com/compute/docs/reference/rest/v1/globalAddresses", "VPC_PEERING", "PRIVATE_SERVICE_CONNECT"),
		between("prefix_length", "https://cloud.google.com/sql/docs/mysql/configure-private-services-access", 8, 24),
	}},
	"google_compute_global_forwarding_rule": {"compute/v1 ForwardingRule", []constraint{
		name1035(), between("port_range", "https://cloud.google.com/load-balancing/docs/https#open_ports", 1, 65535),
	}},
	"google_compute_managed_ssl_certificate": {"compute/v1 SslCertificate", []constraint{
		name1035(), length("managed.domains", "https://cloud.google.com/load-balancing/docs/ssl-certificates/google-managed-certs#limitations", 1, 63),
	}},
	"google_compute_network": {"compute/v1 Network", []constraint{name1035()}},
	"google_compute_subnetwork": {"compute/v1 Subnetwork", []constraint{
		name1035(),
		{"ip_cidr_range", "https://cloud.google.com/vpc/docs/subnets#valid-ranges", func(v any) string {
			prefix, err := netip.ParsePrefix(fmt.Sprint(v))
			if err != nil || prefix != prefix.Masked() || !prefix.Addr().IsPrivate() || prefix.Bits() < 8 || prefix.Bits() > 26 {
				return fmt.Sprintf("is %v: no private range of /8 to /26 (Direct VPC egress needs 64 addresses)", v)
			}
			return ""
		}, "10.0.0.1/24"},
	}},
	"google_compute_ssl_policy":         {"compute/v1 SslPolicy", []constraint{name1035()}},
	"google_compute_target_http_proxy":  {"compute/v1 TargetHttpProxy", []constraint{name1035()}},
	"google_compute_target_https_proxy": {"compute/v1 TargetHttpsProxy", []constraint{name1035()}},
	"google_compute_security_policy": {"compute/v1 SecurityPolicy", []constraint{
		name1035(),
		length("rule.description", "https://registry.terraform.io/providers/hashicorp/google/6.50.0/docs/resources/compute_security_policy", 0, 64),
		between("rule.priority", "compute/v1 SecurityPolicyRule.priority: between 0 and 2147483647", 0, 2147483647),
		holds("", "https://cloud.google.com/armor/docs/security-policy-overview#eval-order", `{"rule": [{"priority": 1}, {"priority": 1}]}`, unique("rule", "priority")),
		matches("rule.action", "compute/v1 SecurityPolicyRule.action: Valid values for `STATUS` are 403, 404, and 502", `allow|deny\((403|404|502)\)|throttle|rate_based_ban|redirect`, "deny(401)"),
		matches("rule.rate_limit_options.exceed_action", "compute/v1 SecurityPolicyRuleRateLimitOptions.exceedAction: `STATUS` are 403, 404, 429, and 502", `deny\((403|404|429|502)\)|redirect`, "deny(503)"),
		oneOf("rule.rate_limit_options.conform_action", `compute/v1 SecurityPolicyRuleRateLimitOptions.conformAction: Valid option is "allow" only`, "allow"),
		oneOf("rule.rate_limit_options.rate_limit_threshold.interval_sec", "https://cloud.google.com/armor/docs/rate-limiting-overview#throttle-traffic", numbers(10, 30, 60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700, 3600)...),
		between("rule.rate_limit_options.rate_limit_threshold.count", "https://cloud.google.com/armor/docs/rate-limiting-overview", 1, 1e6),
		length("rule.match.expr.expression", armorPage, 1, 2048),
		{"rule.match.expr.expression", armorPage, expressionFault, "request.path.matches('" + strings.Repeat("a", 1025) + "')"},
		{"rule.match.expr.expression", "https://cloud.google.com/armor/docs/waf-rules", wafFault, "evaluatePreconfiguredWaf('no-such-set', {'sensitivity': 1})"},
		oneOf("rule.preconfigured_waf_config.exclusion.request_query_param.operator", "https://cloud.google.com/armor/docs/rule-tuning#exclude_request_fields_from_inspection", "CONTAINS", "ENDS_WITH", "EQUALS", "EQUALS_ANY", "STARTS_WITH"),
		holds("rule", "compute/v1 SecurityPolicyRule.rateLimitOptions: Cannot be specified for any other actions", `{"action": "allow", "rate_limit_options": [{}]}`, func(r resource) string {
			limited := r.text("action") == "throttle" || r.text("action") == "rate_based_ban"
			if ranges, _ := r.at("match", 0, "config", 0, "src_ip_ranges").([]any); len(ranges) > 10 || limited != (r.at("rate_limit_options", 0) != nil) {
				return "has a limit that its action does not go with, or more than ten ranges"
			}
			return ""
		}),
	}},
}

func numbers(list ...float64) (values []any) {
	for _, n := range list {
		values = append(values, n)
	}
	return values
}

// unique reports that two blocks have the same value.
func unique(blocks, name string) func(resource) string {
	return func(r resource) string {
		values := r.valuesAt(blocks + "." + name)
		for i, v := range values {
			if slices.Contains(values[:i], v) {
				return fmt.Sprintf("has two %s with %s %v", blocks, name, v)
			}
		}
		return ""
	}
}

func templateFault(v any) string {
	path := fmt.Sprint(v)
	if !strings.HasPrefix(path, "/") || len(path) > 1024 || strings.Count(path, "*") > 5 || strings.Contains(strings.TrimSuffix(path, "**"), "**") {
		return fmt.Sprintf("is %q", path)
	}
	return ""
}

// expressionFault reports an expression of more than five terms, or with a pattern of more
// than 1,024 characters.
func expressionFault(v any) string {
	text := fmt.Sprint(v)
	if terms := len(regexp.MustCompile(`&&|\|\|`).FindAllString(text, -1)) + 1; terms > 5 {
		return fmt.Sprintf("has %d terms", terms)
	}
	for _, pattern := range all(`matches\('([^']*)'\)`, text) {
		if _, err := regexp.Compile(pattern); err != nil || len(pattern) > 1024 {
			return fmt.Sprintf("has a pattern of %d characters (%v)", len(pattern), err)
		}
	}
	return ""
}

// wafSets are the sets of signatures that there are.
var wafSets = []string{
	"cve-canary", "cve-stable", "java-v33-stable", "json-sqli-canary", "lfi-v33-stable", "methodenforcement-v33-stable", "nodejs-v33-stable", "php-v33-stable",
	"protocolattack-v33-stable", "rce-v33-stable", "rfi-v33-stable", "scannerdetection-v33-stable", "sessionfixation-v33-stable", "sqli-v33-stable", "xss-v33-stable",
}

func wafFault(v any) string {
	for _, set := range all(`evaluatePreconfiguredWaf\('([^']*)'`, fmt.Sprint(v)) {
		if !slices.Contains(wafSets, set) {
			return "has no set of rules " + set
		}
	}
	return ""
}
