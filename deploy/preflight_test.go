package deploy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// printQuotas prints what `gcloud compute … describe` does with the quotas flattened.
func printQuotas(quotas map[string][2]int, flags map[string]string) error {
	if flags["--flatten"] != "quotas" || flags["--format"] != "csv[no-heading](quotas.metric,quotas.limit,quotas.usage)" {
		return fmt.Errorf("another form is asked for: %q", flags)
	}
	for _, metric := range slices.Sorted(maps.Keys(quotas)) {
		fmt.Printf("%s,%d.0,%d.0\n", metric, quotas[metric][0], quotas[metric][1])
	}
	return nil
}

// planText is what `terraform plan -no-color` prints of some resources.
func planText() string {
	text := "Terraform will perform the following actions:\n\n"
	add := func(n int, kind, body string) {
		for i := range n {
			text += fmt.Sprintf("  # %s.a[\"%d\"] will be created\n  + resource %q \"a\" {\n%s    }\n\n", kind, i, kind, body)
		}
	}
	add(35, "google_compute_backend_service", "")
	add(35, "google_compute_region_network_endpoint_group", "")
	add(2, "google_compute_url_map", "")
	add(56, "google_service_account", "")
	add(1, "google_compute_security_policy", "      + rule {\n          + expr {\n              + expression = \"request.path == '/'\"\n            }\n        }\n")
	add(1, "google_cloud_run_v2_service", "          + resources {\n              + limits            = {\n                  + \"cpu\"    = \"2\"\n                }\n            }\n          + max_instance_count = 9\n")
	add(1, "google_cloud_run_v2_service", "          + max_instance_count = 10\n          + resources {\n              + limits            = {\n                  + \"cpu\"    = \"2\"\n                }\n            }\n")
	return text
}

// mustQuotas makes a project whose quotas are large enough for planText.
func mustQuotas(t *testing.T) project {
	t.Helper()
	p := mustProject(t)
	p.stdin = planText()
	p.mustChange(t, func(c *cloud) {
		c.Quotas = map[string][2]int{
			"BACKEND_SERVICES": {35, 0}, "URL_MAPS": {10, 0}, "SSL_CERTIFICATES": {10, 0}, "TARGET_HTTP_PROXIES": {10, 0}, "TARGET_HTTPS_PROXIES": {10, 0},
			"NETWORKS": {5, 1}, "SUBNETWORKS": {100, 40}, "SECURITY_POLICIES": {10, 0}, "SECURITY_POLICY_CEVAL_RULES": {20, 0},
		}
		c.RegionQuotas = map[string][2]int{"NETWORK_ENDPOINT_GROUPS": {100, 0}}
		c.Accounts = 44
		c.QuotaInfos = map[string][]string{
			"cloudbuild.googleapis.com": {
				`cloudbuild.googleapis.com/concurrent_private_pool_build_cpus;europe-west1;0;["europe-west1"]`,
				`cloudbuild.googleapis.com/concurrent_public_pool_build_cpus;us-central1;5;["us-central1"]`,
				`cloudbuild.googleapis.com/concurrent_public_pool_build_cpus;europe-west1;8;["europe-west1"]`,
			},
			"run.googleapis.com": {`run.googleapis.com/cpu_allocation;;20000;["europe-west1","us-central1"]`},
		}
	})
	return p
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*cloud)
		says   string
		fails  bool
	}{
		"quotas that are large enough": {says: "BACKEND_SERVICES: 35 needed, 35 allowed, 0 used"},
		"too few backend services":     {change: func(c *cloud) { c.Quotas["BACKEND_SERVICES"] = [2]int{35, 1} }, says: "TOO SMALL  BACKEND_SERVICES: 35 needed, 35 allowed, 1 used", fails: true},
		"too few endpoint groups":      {change: func(c *cloud) { c.RegionQuotas["NETWORK_ENDPOINT_GROUPS"] = [2]int{30, 0} }, says: "TOO SMALL  NETWORK_ENDPOINT_GROUPS", fails: true},
		"too few rules":                {change: func(c *cloud) { c.Quotas["SECURITY_POLICY_CEVAL_RULES"] = [2]int{0, 0} }, says: "TOO SMALL  SECURITY_POLICY_CEVAL_RULES: 1 needed", fails: true},
		"too many accounts":            {change: func(c *cloud) { c.Accounts = 45 }, says: "TOO SMALL  service accounts: 56 needed, 100 allowed, 45 used", fails: true},
		"accounts that cannot be read": {change: func(c *cloud) { c.Failing = "service-accounts list" }, says: "NOT READ   service accounts: 56 needed"},
		"a larger limit of accounts": {
			change: func(c *cloud) {
				c.Accounts = 45
				c.QuotaInfos["iam.googleapis.com"] = []string{"iam.googleapis.com/quota/service-account-count;;200;"}
			}, says: "ok         service accounts: 56 needed, 200 allowed, 45 used",
		},
		"a new project's default pool": {
			change: func(c *cloud) {
				c.QuotaInfos["cloudbuild.googleapis.com"] = []string{"cloudbuild.googleapis.com/concurrent_public_pool_build_cpus;europe-west1;5;"}
			},
			says: "TOO SMALL  Cloud Build CPUs: 8 needed, 5 allowed", fails: true,
		},
		"a quota that is not listed": {change: func(c *cloud) { delete(c.QuotaInfos, "cloudbuild.googleapis.com") }, says: "NOT READ   Cloud Build CPUs"},
		"more instances than CPUs": {change: func(c *cloud) {
			c.QuotaInfos["run.googleapis.com"][0] = "run.googleapis.com/cpu_allocation;europe-west1;19000;"
		}, says: "TOO SMALL  Cloud Run CPUs of one service (thousandths): 20000 needed, 19000 allowed", fails: true},
		"no limit":                   {change: func(c *cloud) { c.Quotas["URL_MAPS"] = [2]int{-1, 5} }, says: "ok         URL_MAPS: 2 needed, -1 allowed"},
		"quotas that cannot be read": {change: func(c *cloud) { c.Failing = "regions describe" }, says: "cannot be read", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustQuotas(t)
			if test.change != nil {
				p.mustChange(t, test.change)
			}
			if ok, said := p.run(t, "preflight"); ok == test.fails || !strings.Contains(said, test.says) {
				t.Errorf("ended well: %v, and said %s", ok, said)
			}
		})
	}
	t.Run("a run without a plan fails", func(t *testing.T) {
		t.Parallel()
		p := mustQuotas(t)
		p.stdin = "No changes.\n"
		if ok, said := p.run(t, "preflight"); ok || !strings.Contains(said, "there is no plan") {
			t.Error(said)
		}
	})
}
