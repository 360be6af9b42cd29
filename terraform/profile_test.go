package terraform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"souk/functions"
)

// TestTiny reads what the profile "tiny" leaves out, and how clients get in.
func TestTiny(t *testing.T) {
	t.Parallel()
	p := mustPlanOf(t, "tiny")
	for _, r := range p.PlannedValues.RootModule.Resources {
		for _, dear := range []string{"forwarding_rule", "backend_service", "url_map", "security_policy", "ssl"} {
			if strings.Contains(r.Type, dear) {
				t.Errorf("there is %s", r.Address)
			}
		}
	}
	if n := len(p.of("google_monitoring_alert_policy")); n == 0 || n > 8 {
		t.Errorf("there are %d alerts", n)
	}
	for _, instance := range p.of("google_sql_database_instance") {
		if tier := instance.text("settings", 0, "tier"); tier != "db-f1-micro" || instance.text("settings", 0, "availability_type") != "ZONAL" {
			t.Errorf("the database is %s", tier)
		}
	}
	var runs, invoked []string
	for _, run := range p.of("google_cloud_run_v2_service") {
		if name := run.text("name"); strings.HasSuffix(name, "-http") {
			runs = append(runs, name)
		}
	}
	for _, member := range p.of("google_cloud_run_v2_service_iam_member") {
		if key, is := strings.CutPrefix(member.Address, "google_cloud_run_v2_service_iam_member.gateway["); is {
			invoked = append(invoked, strings.Trim(key, `"]`))
		}
	}
	slices.Sort(runs)
	if slices.Sort(invoked); len(runs) == 0 || !slices.Equal(runs, invoked) {
		t.Errorf("the gateway may call %q, clients call %q", invoked, runs)
	}
	if n := len(p.of("google_cloud_run_domain_mapping")); n != 1 {
		t.Errorf("there are %d mappings of the domain", n)
	}
}

// lossless are the kinds of resources that hold no data: they may go when the profile
// changes.
var lossless = []string{
	"google_cloud_run_domain_mapping", "google_cloud_run_v2_service", "google_cloud_run_v2_service_iam_member",
	"google_service_account", "google_service_account_iam_member", "google_sql_user", "google_project_iam_member",
	"google_pubsub_topic_iam_member", "google_secret_manager_secret_iam_member",
}

// TestStepToStandard applies a tiny shop and plans the standard one, by one variable.
func TestStepToStandard(t *testing.T) {
	t.Parallel()
	w := mustWorkspace(t, ".")
	base := []string{"-var-file=env/tiny.tfvars.example"}
	var invokers []string
	for _, service := range functions.Manifest().Services() {
		invokers = append(invokers, fmt.Sprintf("google_cloud_run_v2_service_iam_member.gateway[%q]", service+"-http"))
	}
	w.mustRun(t, append([]string{"apply", "-no-color", "-input=false", "-auto-approve"}, base...)...)
	for name, test := range map[string]struct {
		args []string
		gone []string
	}{
		"that holds its granularity": {
			args: []string{"-var=profile=standard"},
			gone: append(invokers,
				"google_cloud_run_domain_mapping.gateway[0]", "google_cloud_run_v2_service.gateway[0]", "google_service_account.gateway[0]"),
		},
		"that has a Cloud Run service a function": {args: []string{"-var=profile=standard", "-var=granularity=function", "-var=database={max_connections=1000}"}},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: they share a state
			var gone []string
			created := false
			for _, c := range w.mustPlan(t, append(slices.Clone(base), test.args...)...).Changes {
				created = created || c.Address == "google_compute_url_map.front[0]" && slices.Contains(c.Change.Actions, "create")
				if !slices.Contains(c.Change.Actions, "delete") {
					continue
				}
				gone = append(gone, c.Address)
				if kind, _, _ := strings.Cut(c.Address, "."); !slices.Contains(lossless, kind) {
					t.Errorf("%s is lost: %q", c.Address, c.Change.Actions)
				}
			}
			slices.Sort(gone)
			if slices.Sort(test.gone); test.gone != nil && !slices.Equal(gone, test.gone) {
				t.Errorf("these go:\n  %s\nwant:\n  %s", strings.Join(gone, "\n  "), strings.Join(test.gone, "\n  "))
			}
			if !created || len(gone) == 0 {
				t.Error("there is no load balancer, or nothing goes")
			}
		})
	}
}

// TestShapes plans a shop of every shape, and reads which instance each service's
// functions connect to.
func TestShapes(t *testing.T) {
	t.Parallel()
	w := mustWorkspace(t, ".")
	services := functions.Manifest().Services()
	// One instance a service: the first service's is the one that all others share otherwise.
	own := fmt.Sprintf(`["%s"]`, strings.Join(services[1:], `","`))
	for _, shape := range []struct {
		profile, granularity string
		replica, own         bool
	}{
		{"tiny", "function", false, true},
		{"standard", "function", true, false},
		{"standard", "service", false, false},
		{"standard", "service", true, true},
	} {
		t.Run(fmt.Sprintf("%+v", shape), func(t *testing.T) { // one after the other: they share a folder
			owners := "[]"
			if shape.own {
				owners = own
			}
			p := w.mustPlan(t, "-var-file=env/dev.tfvars.example", "-var=profile="+shape.profile, "-var=granularity="+shape.granularity,
				fmt.Sprintf("-var=database={max_connections=1000,replica=%t,own_instance=%s}", shape.replica, owners))
			requireInstances(t, p, services, shape.own, shape.replica)
		})
	}
}

// requireInstances compares the instances of a plan, and what is on each, with what the
// variables ask for.
func requireInstances(t *testing.T, p plan, services []string, own, replica bool) {
	t.Helper()
	want := []string{"souk"}
	on := map[string]string{}
	for i, service := range services {
		on["souk_"+service] = "souk"
		if own && i > 0 {
			on["souk_"+service] = "souk-" + service
			want = append(want, "souk-"+service)
		}
	}
	if replica {
		want = append(want, "souk-replica")
	}
	var got []string
	for _, instance := range p.of("google_sql_database_instance") {
		got = append(got, instance.text("name"))
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the instances are %q, want %q", got, want)
	}
	for _, database := range p.of("google_sql_database") {
		if name := database.text("name"); database.text("instance") != on[name] {
			t.Errorf("%s is on %s, want %s", name, database.text("instance"), on[name])
		}
	}
	for _, login := range p.of("google_sql_user") {
		if !slices.Contains(got, login.text("instance")) {
			t.Errorf("%s is on %s", login.Address, login.text("instance"))
		}
	}
}
