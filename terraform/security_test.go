package terraform_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/manifest"
)

// rules are what no plan may break. Each returns what breaks it.
var rules = map[string]func(plan) []string{
	"no bucket is public":                                 bucketsArePrivate,
	"the database has no public address":                  databasesArePrivate,
	"requests from outside require TLS":                   frontIsTLS,
	"no message is lost":                                  nothingIsLost,
	"identities hold only roles that were granted singly": grantsAreNarrow,
	"functions are reached one way":                       functionsAreShut,
	"only Pub/Sub sends events":                           pushIsPubSubs,
	"only who deploys acts as others":                     actingIsTheRollouts,
	"no secret stands in the open":                        secretsAreSecret,
	"every secret is read by its version":                 secretsArePinned,
}

func TestSecurity(t *testing.T) {
	t.Parallel()
	for name, p := range mustPlans(t) { // with that of the state's bucket
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, rule := range rules {
				for _, fault := range rule(p) {
					t.Errorf("%s: %s", name, fault)
				}
			}
		})
	}
}

// TestRulesFind breaks each rule in a plan, and has the rule find it.
func TestRulesFind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ rule, kind, broken string }{
		{"no bucket is public", "google_storage_bucket", `{"uniform_bucket_level_access": true}`},
		{"no bucket is public", "google_storage_bucket", `{"public_access_prevention": "enforced"}`},
		{"the database has no public address", "google_sql_database_instance", `{"settings": [{"ip_configuration": [{"ipv4_enabled": true, "ssl_mode": "ENCRYPTED_ONLY"}]}]}`},
		{"the database has no public address", "google_sql_database_instance", `{"settings": [{"ip_configuration": [{"ipv4_enabled": false, "ssl_mode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED"}]}]}`},
		{"the database has no public address", "google_sql_database_instance", `{"settings": [{}]}`},
		{"the database has no public address", "google_sql_database_instance",
			`{"settings": [{"ip_configuration": [{"ipv4_enabled": false, "ssl_mode": "ENCRYPTED_ONLY", "authorized_networks": [{"value": "0.0.0.0/0"}]}]}]}`},
		{"requests from outside require TLS", "google_compute_ssl_policy", `{"profile": "COMPATIBLE", "min_tls_version": "TLS_1_0"}`},
		{"requests from outside require TLS", "google_compute_global_forwarding_rule", `{"port_range": "8080"}`},
		{"requests from outside require TLS", "google_compute_global_forwarding_rule", `{"port_range": "80"}`},
		{"requests from outside require TLS", "google_compute_backend_service", `{"protocol": "HTTP"}`},
		{"no message is lost", "google_pubsub_subscription", `{"name": "a.b", "push_config": [{}], "expiration_policy": [{"ttl": ""}]}`},
		{"no message is lost", "google_pubsub_subscription", `{"name": "a.b", "dead_letter_policy": [{}], "push_config": [{}], "expiration_policy": [{"ttl": ""}]}`},
		{"no message is lost", "google_pubsub_subscription", `{"name": "a", "push_config": []}`},
		{"no message is lost", "google_pubsub_topic", `{"name": "a.b.dead-letter"}`},
		{"identities hold only roles that were granted singly", "google_project_iam_member", `{"role": "roles/editor", "member": "serviceAccount:a"}`},
		{"identities hold only roles that were granted singly", "google_project_iam_member", `{"role": "roles/run.admin", "member": "serviceAccount:a"}`},
		{"identities hold only roles that were granted singly", "google_project_iam_member", `{"role": "roles/monitoring.viewer", "member": "serviceAccount:a"}`},
		{"identities hold only roles that were granted singly", "google_service_account_iam_member", `{"role": "roles/iam.serviceAccountUser", "member": "serviceAccount:a"}`},
		{"identities hold only roles that were granted singly", "google_pubsub_topic_iam_member", `{"role": "roles/owner", "member": "serviceAccount:a"}`},
		{"identities hold only roles that were granted singly", "google_cloud_run_v2_service_iam_member", `{"role": "roles/run.invoker", "member": "allUsers"}`},
		{"identities hold only roles that were granted singly", "google_storage_bucket_iam_member", `{"role": "roles/storage.objectViewer", "member": "allAuthenticatedUsers"}`},
		{"identities hold only roles that were granted singly", "google_project_iam_binding", `{"role": "roles/cloudsql.client", "members": ["serviceAccount:a"]}`},
		{"identities hold only roles that were granted singly", "google_service_account_key", `{}`},
		{"functions are reached one way", "google_cloud_run_v2_service", `{"name": "product-get", "ingress": "INGRESS_TRAFFIC_ALL", "invoker_iam_disabled": true}`},
		{"functions are reached one way", "google_cloud_run_v2_service", `{"name": "stock-reserve", "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY", "invoker_iam_disabled": true}`},
		{"functions are reached one way", "google_cloud_run_v2_service", `{"name": "gateway", "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY", "invoker_iam_disabled": true}`},
		{"functions are reached one way", "google_cloud_run_v2_service", `{"name": "intruder", "ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "invoker_iam_disabled": true}`},
		{"only Pub/Sub sends events", "google_cloud_run_v2_service_iam_member", `{"name": "stock-reserve", "role": "roles/run.invoker", "member": "serviceAccount:smoke-test@p.iam.gserviceaccount.com"}`},
		{"only Pub/Sub sends events", "google_cloud_run_v2_service_iam_member", `{"name": "stock-reserve", "role": "roles/run.servicesInvoker", "member": "serviceAccount:rollout@p.iam.gserviceaccount.com"}`},
		{"only Pub/Sub sends events", "google_cloud_run_v2_service_iam_member", `{"name": "order-push", "role": "roles/run.admin"}`},
		{"only Pub/Sub sends events", "google_project_iam_member", `{"role": "roles/run.invoker", "member": "serviceAccount:smoke-test@p.iam.gserviceaccount.com"}`},
		{"only who deploys acts as others", "google_service_account_iam_member", `{"role": "roles/iam.serviceAccountUser", "member": "serviceAccount:pipeline-build@p.iam.gserviceaccount.com"}`},
		{"only who deploys acts as others", "google_service_account_iam_member", `{"role": "roles/iam.serviceAccountTokenCreator"}`},
		{"only who deploys acts as others", "google_project_iam_member", `{"role": "roles/iam.serviceAccountUser"}`},
		{"only who deploys acts as others", "google_cloud_run_v2_job_iam_member", `{"name": "migrate", "role": "roles/run.developer"}`},
		{"only who deploys acts as others", "google_cloudbuild_trigger", `{"name": "build", "service_account": "projects/p/serviceAccounts/rollout@p.iam.gserviceaccount.com", "filename": "cloudbuild.yaml"}`},
		{"only who deploys acts as others", "google_cloudbuild_trigger", `{"name": "deploy", "build": [{"step": [{"name": "golang:1.26"}]}]}`},
		{"only Pub/Sub sends events", "google_service_account", `{"account_id": "pubsub-push"}`},
		{"no secret stands in the open", "google_cloud_run_v2_service",
			`{"template": [{"containers": [{"env": [{"name": "AUTH_SIGNING_KEYS", "value": "-----BEGIN"}]}]}]}`},
		{"every secret is read by its version", "google_cloud_run_v2_service",
			`{"template": [{"containers": [{"env": [{"value_source": [{"secret_key_ref": [{"secret": "AUTH_SIGNING_KEYS", "version": "latest"}]}]}]}]}]}`},
		{"every secret is read by its version", "google_cloud_run_v2_service",
			`{"template": [{"containers": [{"env": [{"value_source": [{"secret_key_ref": [{"secret": "AUTH_SIGNING_KEYS"}]}]}]}]}]}`},
		{"every secret is read by its version", "google_cloud_run_v2_service", `{"template": [{"volumes": [{"secret": [{"secret": "AUTH_SIGNING_KEYS"}]}]}]}`},
		{"every secret is read by its version", "google_cloud_run_v2_service",
			`{"template": [{"volumes": [{"secret": [{"secret": "AUTH_SIGNING_KEYS", "items": [{"path": "keys", "version": "latest"}]}]}]}]}`},
		{"every secret is read by its version", "google_cloud_run_v2_job",
			`{"template": [{"template": [{"containers": [{"env": [{"value_source": [{"secret_key_ref": [{"secret": "DATABASE_PASSWORD", "version": "latest"}]}]}]}]}]}]}`},
	} {
		t.Run(test.rule+" "+test.kind, func(t *testing.T) {
			t.Parallel()
			broken := resource{Address: "broken", Mode: "managed", Type: test.kind}
			if err := json.Unmarshal([]byte(test.broken), &broken.Values); err != nil {
				t.Fatal(err)
			}
			var p plan
			p.PlannedValues.RootModule.Resources = []resource{broken}
			if faults := rules[test.rule](p); len(faults) == 0 {
				t.Errorf("nothing is found in %s", test.broken)
			}
		})
	}
}

func bucketsArePrivate(p plan) (faults []string) {
	for _, b := range p.of("google_storage_bucket") {
		if b.text("public_access_prevention") != "enforced" || b.text("uniform_bucket_level_access") != "true" {
			faults = append(faults, b.Address+" can be made public by an object's ACL or a grant")
		}
	}
	return faults
}

func databasesArePrivate(p plan) (faults []string) {
	for _, db := range p.of("google_sql_database_instance") {
		at := func(name string) []any { return []any{"settings", 0, "ip_configuration", 0, name} }
		if db.text(at("ipv4_enabled")...) != "false" {
			faults = append(faults, db.Address+" has a public address")
		}
		if networks, _ := db.at(at("authorized_networks")...).([]any); len(networks) > 0 {
			faults = append(faults, db.Address+" lets networks in")
		}
		if db.text(at("ssl_mode")...) != "ENCRYPTED_ONLY" {
			faults = append(faults, db.Address+" takes connections without TLS")
		}
	}
	return faults
}

func frontIsTLS(p plan) (faults []string) {
	for _, policy := range p.of("google_compute_ssl_policy") {
		if !slices.Contains([]string{"TLS_1_2", "TLS_1_3"}, policy.text("min_tls_version")) || !slices.Contains([]string{"MODERN", "RESTRICTED"}, policy.text("profile")) {
			faults = append(faults, policy.Address+" takes TLS that is broken")
		}
	}
	if len(p.of("google_compute_target_https_proxy")) > 0 && len(p.of("google_compute_ssl_policy")) == 0 {
		faults = append(faults, "the HTTPS proxy has no TLS policy")
	}
	for _, backend := range p.of("google_compute_backend_service") {
		if backend.text("protocol") != "HTTPS" {
			faults = append(faults, backend.Address+" is reached in the clear")
		}
	}
	// All that a client reaches by HTTP is a redirect.
	redirects := 0
	for _, urls := range p.of("google_compute_url_map") {
		if urls.text("default_url_redirect", 0, "https_redirect") == "true" {
			redirects++
		}
	}
	for _, rule := range p.of("google_compute_global_forwarding_rule") {
		switch port := rule.text("port_range"); {
		case port == "80" && redirects == 0:
			faults = append(faults, rule.Address+" serves port 80, and nothing redirects to HTTPS")
		case port != "80" && port != "443":
			faults = append(faults, rule.Address+" opens port "+port)
		}
	}
	return faults
}

func nothingIsLost(p plan) (faults []string) {
	kept := map[string]bool{}
	for _, s := range p.of("google_pubsub_subscription") {
		kept[s.text("name")] = true
	}
	for _, s := range p.of("google_pubsub_subscription") {
		if ttl, known := s.at("expiration_policy", 0, "ttl").(string); !known || ttl != "" {
			faults = append(faults, s.Address+" expires")
		}
		if s.at("push_config", 0) == nil {
			continue
		}
		if s.at("dead_letter_policy", 0) == nil {
			faults = append(faults, s.Address+" has no dead-letter topic")
		}
		if !kept[s.text("name")+".dead-letter"] {
			faults = append(faults, s.Address+" has dead letters that nothing keeps")
		}
	}
	for _, topic := range p.of("google_pubsub_topic") {
		if name := topic.text("name"); strings.HasSuffix(name, ".dead-letter") && !kept[name] {
			faults = append(faults, topic.Address+" has no subscription")
		}
	}
	return faults
}

// projectRoles are the roles that may be held on the whole project.
var projectRoles = []string{"roles/cloudsql.client", "roles/cloudsql.instanceUser", "roles/telemetry.tracesWriter"}

// rolloutRoles are those that the identity that deploys may hold besides, because nothing
// narrower has what they are about.
var rolloutRoles = []string{
	"roles/logging.logWriter", "roles/ondemandscanning.admin", "roles/monitoring.viewer", "roles/cloudbuild.builds.viewer", "roles/run.viewer",
	"roles/containeranalysis.occurrences.editor",
}

// pipelineRoles are the others' of the pipeline, one by one. None of them can change
// anything; only the daily plan, which runs the main branch's files, may read everything.
var pipelineRoles = map[string]string{
	`build`:                                    "roles/logging.logWriter",
	`check`:                                    "roles/logging.logWriter",
	`plan["plan roles/logging.logWriter"]`:     "roles/logging.logWriter",
	`plan["plan roles/browser"]`:               "roles/browser",
	`plan["drift roles/logging.logWriter"]`:    "roles/logging.logWriter",
	`plan["drift roles/viewer"]`:               "roles/viewer",
	`plan["drift roles/iam.securityReviewer"]`: "roles/iam.securityReviewer",
}

// exportRoles are those of the daily exports. TestExports reads what the first of them has.
var exportRoles = map[string]string{
	`export[0]`:          "soukDatabaseExport",
	`export_schedule[0]`: "roles/workflows.invoker",
}

// exportReaders takes a role from all viewers of the project, which no member can.
const exportReaders = "google_storage_bucket_iam_binding.export_readers[0]"

// mayHoldOnProject says whether a grant on the whole project is one of the few.
func mayHoldOnProject(address, role string) bool {
	name := strings.TrimPrefix(address, "google_project_iam_member.")
	if own, listed := pipelineRoles[name]; listed {
		return own == role
	}
	if own, listed := exportRoles[name]; listed {
		return own == role || strings.HasPrefix(role, "projects/") && strings.HasSuffix(role, "/roles/"+own)
	}
	key := strings.TrimPrefix(address, "google_project_iam_member.rollout")
	return slices.Contains(projectRoles, role) || key == fmt.Sprintf("[%q]", role) && slices.Contains(rolloutRoles, role)
}

func grantsAreNarrow(p plan) (faults []string) {
	for _, r := range p.PlannedValues.RootModule.Resources {
		if r.Type == "google_service_account_key" {
			faults = append(faults, r.Address+" is a key that can be copied")
		}
		if !strings.Contains(r.Type, "_iam_") || r.Type == "google_project_iam_audit_config" { // it grants nothing
			continue
		}
		if r.Type == "google_project_iam_custom_role" { // its grant is what counts
			continue
		}
		if !strings.HasSuffix(r.Type, "_iam_member") && r.Address != exportReaders {
			faults = append(faults, r.Address+" takes from others what they hold: use _iam_member")
		}
		role, member := r.text("role"), r.text("member")
		if slices.Contains([]string{"roles/owner", "roles/editor", "roles/viewer"}, role) && r.Address != `google_project_iam_member.plan["drift roles/viewer"]` {
			faults = append(faults, fmt.Sprintf("%s grants %s", r.Address, role))
		}
		if r.Type == "google_project_iam_member" && !mayHoldOnProject(r.Address, role) {
			faults = append(faults, fmt.Sprintf("%s grants %s on the whole project", r.Address, role))
		}
		// An account that may act as an identity has all of its roles: only the pipeline
		// may, and only as the identities that it deploys.
		if role == "roles/iam.serviceAccountUser" && !strings.HasPrefix(r.Address, "google_service_account_iam_member.rollout[") {
			faults = append(faults, r.Address+" lets an account act as another")
		}
		if member == "allUsers" || member == "allAuthenticatedUsers" || strings.Contains(member, "*") {
			faults = append(faults, fmt.Sprintf("%s grants to %s", r.Address, member))
		}
	}
	return faults
}

func functionsAreShut(p plan) (faults []string) {
	public := map[string]bool{}
	for _, f := range functions.Manifest().Functions {
		if f.HTTP != "" {
			public[f.Name], public[f.Service+"-http"] = true, true
		}
	}
	// Without a load balancer the gateway is what clients call, and nothing else.
	outside := "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
	if slices.ContainsFunc(p.of("google_cloud_run_v2_service"), func(r resource) bool { return r.text("name") == "gateway" }) {
		public, outside = map[string]bool{"gateway": true}, "INGRESS_TRAFFIC_ALL"
		if len(p.of("google_compute_global_forwarding_rule")) > 0 {
			faults = append(faults, "there are a gateway and a load balancer")
		}
	}
	for _, f := range p.of("google_cloud_run_v2_service") {
		ingress, open := f.text("ingress"), f.text("invoker_iam_disabled") == "true"
		want := "INGRESS_TRAFFIC_INTERNAL_ONLY"
		if public[f.text("name")] {
			want = outside
		}
		if ingress != want {
			faults = append(faults, fmt.Sprintf("%s has %s, want %s", f.Address, ingress, want))
		}
		if open && !public[f.text("name")] {
			faults = append(faults, f.Address+" may be called by anyone, and is none that clients call")
		}
	}
	return faults
}

// actingIsTheRollouts finds everyone but the identity that deploys who may act as another,
// as migrate above all, which can do anything in the database; and what that identity would
// run besides its own image.
func actingIsTheRollouts(p plan) (faults []string) {
	acting := []string{"roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountKeyAdmin"}
	allowed := func(address string) bool {
		return strings.HasPrefix(address, "google_service_account_iam_member.rollout[") || address == "google_service_account_iam_member.push_token"
	}
	for _, r := range p.PlannedValues.RootModule.Resources {
		if strings.Contains(r.Type, "_iam_") && slices.Contains(acting, r.text("role")) && !allowed(r.Address) {
			faults = append(faults, r.Address+" lets an identity act as another")
		}
		if job := r.text("name"); r.Type == "google_cloud_run_v2_job_iam_member" && slices.Contains([]string{"migrate", "smoke"}, job) && !strings.HasPrefix(r.Address, r.Type+".rollout[") {
			faults = append(faults, r.Address+" lets an identity run the job "+job)
		}
	}
	for _, trigger := range p.of("google_cloudbuild_trigger") {
		if trigger.text("name") == "deploy" {
			for _, step := range trigger.blocks("build.step") {
				if image := step.text("name"); !strings.Contains(image, "/deploy@sha256:") || !strings.HasPrefix(step.text("entrypoint"), "/souk/deploy/") {
					faults = append(faults, fmt.Sprintf("%s runs %q with the rights to deploy", trigger.Address, image))
				}
			}
		}
		if strings.Contains(trigger.text("service_account"), "/rollout@") && trigger.text("name") != "deploy" {
			faults = append(faults, trigger.Address+" runs with the rights to deploy")
		}
	}
	return faults
}

// invokeRoles are the predefined roles with run.routes.invoke that this shop could use:
// https://cloud.google.com/iam/docs/roles-permissions/run
var invokeRoles = []string{"roles/run.invoker", "roles/run.servicesInvoker", "roles/run.admin"}

// pushIsPubSubs finds every account but the push identity that may call a function of
// Pub/Sub's: with X-Serverless-Authorization it could send events of its own making.
func pushIsPubSubs(p plan) (faults []string) {
	const push = "google_cloud_run_v2_service_iam_member.push["
	granted := 0
	for _, r := range p.PlannedValues.RootModule.Resources {
		if strings.HasPrefix(r.Address, push) {
			granted++
		}
		if strings.Contains(r.Type, "_iam_") && slices.Contains(invokeRoles, r.text("role")) && !strings.HasPrefix(r.Address, push) && !callsOnlyHTTP(r) {
			faults = append(faults, fmt.Sprintf("%s lets an account other than Pub/Sub's call %s", r.Address, cmp.Or(r.text("name"), "every function")))
		}
	}
	if len(p.of("google_service_account")) > 0 && granted == 0 {
		faults = append(faults, "Pub/Sub may call no function")
	}
	return faults
}

// callsOnlyHTTP reports whether a grant is on one service that clients call.
func callsOnlyHTTP(r resource) bool {
	return r.Type == "google_cloud_run_v2_service_iam_member" && slices.ContainsFunc(functions.Manifest().Functions, func(f manifest.Function) bool {
		return f.HTTP != "" && (r.text("name") == f.Name || r.text("name") == f.Service+"-http")
	})
}

// TestAccounts holds the identities in the plan to what Go calls them: the migration
// job grants rights to these names.
func TestAccounts(t *testing.T) {
	t.Parallel()
	for _, environment := range []string{"tiny", "dev", "prod"} {
		var got []string
		for _, account := range mustPlanOf(t, environment).of("google_service_account") {
			if id := account.text("account_id"); strings.HasPrefix(id, "fn-") {
				got = append(got, id)
			}
		}
		want := map[string]bool{}
		for _, f := range functions.Manifest().Functions {
			run := f.Name
			if environment != "prod" { // their examples have a Cloud Run service a service
				run = f.Service + "-push"
				if f.HTTP != "" {
					run = f.Service + "-http"
				}
			}
			want[manifest.Account(run)] = true
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
			t.Errorf("%s: the accounts are %q, want %q", environment, got, slices.Sorted(maps.Keys(want)))
		}
	}
}

// TestConnectionBudget reads what a plan says that needs too many connections: two
// functions with 3 instances of 2 each, one of them twice, and 20 in reserve.
func TestConnectionBudget(t *testing.T) {
	t.Parallel()
	_, fault := mustWorkspace(t, ".").run(t, "plan", "-no-color", "-input=false", "-var-file=env/dev.tfvars.example",
		"-var=granularity=function", "-var=manifest=tests/data/functions.yaml", "-var=database={max_connections=30}")
	// terraform breaks its lines where it likes.
	said := strings.Join(strings.Fields(fault), " ")
	for _, want := range []string{"may open 38 connections", "max_connections is 30", "too few by 8."} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q, but: %s", want, said)
		}
	}
}
