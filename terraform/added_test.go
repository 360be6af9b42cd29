package terraform_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestAddedFunction applies functions.yaml, adds a function to it, and plans: what
// changes is that function's, and the URL map, which holds all routes.
func TestAddedFunction(t *testing.T) {
	t.Parallel()
	w := mustWorkspace(t, ".")
	list, err := os.ReadFile("../functions/functions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w.mustWrite(t, "functions.yaml", string(list))
	base := []string{"-var-file=env/dev.tfvars.example", "-var=granularity=function", "-var=manifest=functions.yaml", "-var=database={max_connections=100000}"}
	w.mustRun(t, append([]string{"apply", "-no-color", "-input=false", "-auto-approve"}, base...)...)

	for name, test := range map[string]struct {
		entry   string
		creates []string
		updates []string
	}{
		"nothing": {},
		"an HTTP function": {
			entry: `  - {name: product-praise, service: product, http: "PUT /v1/products/{id}/praise", access: user, secrets: [AUTH_SIGNING_KEYS]}`,
			creates: []string{
				`google_cloud_run_v2_service.function["product-praise"]`,
				`google_cloud_run_v2_service_iam_member.rollout["product-praise"]`,
				`google_compute_backend_service.function["product-praise"]`,
				`google_compute_region_network_endpoint_group.run["product-praise"]`,
				`google_project_iam_member.database["product-praise roles/cloudsql.client"]`,
				`google_project_iam_member.database["product-praise roles/cloudsql.instanceUser"]`,
				`google_secret_manager_secret_iam_member.reader["product-praise AUTH_SIGNING_KEYS"]`,
				`google_service_account.run["product-praise"]`,
				`google_service_account_iam_member.rollout["product-praise"]`,
				`google_sql_user.function["product-praise"]`,
			},
			updates: []string{`google_compute_url_map.front[0]`},
		},
		"a function with an event": {
			entry: `  - {name: product-cheer, service: product, events: [order-placed], publishes: [product-cheered]}`,
			creates: []string{
				`google_cloud_run_v2_service.function["product-cheer"]`,
				`google_cloud_run_v2_service_iam_member.push["product-cheer"]`,
				`google_cloud_run_v2_service_iam_member.rollout["product-cheer"]`,
				`google_project_iam_member.database["product-cheer roles/cloudsql.client"]`,
				`google_project_iam_member.database["product-cheer roles/cloudsql.instanceUser"]`,
				`google_pubsub_subscription.dead_letter["product-cheer.order-placed"]`,
				`google_pubsub_subscription.push["product-cheer.order-placed"]`,
				`google_pubsub_subscription_iam_member.dead_letter["product-cheer.order-placed"]`,
				`google_pubsub_topic.dead_letter["product-cheer.order-placed"]`,
				`google_pubsub_topic.topic["product-cheered"]`,
				`google_pubsub_topic_iam_member.dead_letter["product-cheer.order-placed"]`,
				`google_pubsub_topic_iam_member.publisher["product-cheer product-cheered"]`,
				// The service's outbox function publishes what others left.
				`google_pubsub_topic_iam_member.publisher["product-outbox product-cheered"]`,
				`google_service_account.run["product-cheer"]`,
				`google_service_account_iam_member.rollout["product-cheer"]`,
				`google_sql_user.function["product-cheer"]`,
			},
		},
		"a function with a schedule": {
			entry: `  - {name: product-count, service: product, schedule: "0 3 * * *"}`,
			creates: []string{
				`google_cloud_run_v2_service.function["product-count"]`,
				`google_cloud_run_v2_service_iam_member.push["product-count"]`,
				`google_cloud_run_v2_service_iam_member.rollout["product-count"]`,
				`google_cloud_scheduler_job.tick["product-count"]`,
				`google_project_iam_member.database["product-count roles/cloudsql.client"]`,
				`google_project_iam_member.database["product-count roles/cloudsql.instanceUser"]`,
				`google_pubsub_subscription.dead_letter["product-count.product-count"]`,
				`google_pubsub_subscription.push["product-count.product-count"]`,
				`google_pubsub_subscription_iam_member.dead_letter["product-count.product-count"]`,
				`google_pubsub_topic.dead_letter["product-count.product-count"]`,
				`google_pubsub_topic.topic["product-count"]`,
				`google_pubsub_topic_iam_member.dead_letter["product-count.product-count"]`,
				`google_service_account.run["product-count"]`,
				`google_service_account_iam_member.rollout["product-count"]`,
				`google_sql_user.function["product-count"]`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: they share a state
			w.mustWrite(t, "functions.yaml", strings.TrimRight(string(list), "\n")+"\n"+test.entry+"\n")
			got := map[string][]string{}
			for _, c := range w.mustPlan(t, base...).Changes {
				action := strings.Join(c.Change.Actions, "+")
				if c.Mode == "managed" && action != "no-op" {
					got[action] = append(got[action], c.Address)
				}
			}
			want := map[string][]string{"create": test.creates, "update": test.updates}
			for _, action := range []string{"create", "update", "delete", "delete+create", "create+delete"} {
				if slices.Sort(got[action]); !slices.Equal(got[action], want[action]) {
					t.Errorf("%s:\n  %s\nwant:\n  %s", action, strings.Join(got[action], "\n  "), strings.Join(want[action], "\n  "))
				}
			}
		})
	}
}
