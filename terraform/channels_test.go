package terraform_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestChannels requires channels of each kind that variables ask for, severities on all
// policies and what is to be done when no one acknowledges.
func TestChannels(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	p := mustPlanOf(t, "prod", everything...)
	for _, channel := range p.of("google_monitoring_notification_channel") {
		kinds[channel.text("type")]++
	}
	if kinds["email"] != 6 || kinds["pagerduty"] != 1 || kinds["webhook_tokenauth"] != 1 || kinds["pubsub"] != 1 {
		t.Errorf("the channels are %v", kinds)
	}
	publishers := 0
	for _, grant := range p.of("google_pubsub_topic_iam_member") {
		if strings.HasPrefix(grant.Address, "google_pubsub_topic_iam_member.alerts") && grant.text("role") == "roles/pubsub.publisher" {
			publishers++
		}
	}
	if publishers != 1 {
		t.Error("Cloud Monitoring may not publish to the topic of alerts")
	}
	severities := map[string]int{}
	for _, policy := range p.of("google_monitoring_alert_policy") {
		severity := policy.text("severity")
		severities[severity]++
		if content := policy.text("documentation", 0, "content"); !strings.Contains(content, "## Escalation ("+severity+")") || !strings.HasPrefix(content, "Runbook: ") {
			t.Errorf("%s does not say how it is escalated, or has no runbook", policy.Address)
		}
	}
	if len(severities) != 3 || severities[""] > 0 {
		t.Errorf("the severities are %v", severities)
	}
	if n := len(mustPlanOf(t, "prod").of("google_monitoring_notification_channel")); n != 1 {
		t.Errorf("the example for prod has %d channels", n)
	}
}

// TestPaging applies channels, and requires that critical alerts page, and that
// warnings do not.
func TestPaging(t *testing.T) {
	t.Parallel()
	w := mustWorkspace(t, ".")
	w.mustWrite(t, "page_test.tf", `output "notify" { value = local.notify }`)
	args := append([]string{"apply", "-no-color", "-input=false", "-auto-approve", "-var-file=env/prod.tfvars.example",
		"-target=google_monitoring_notification_channel.pager", "-target=google_monitoring_notification_channel.email", "-target=google_monitoring_notification_channel.topic"}, everything...)
	w.mustRun(t, args...)
	var notify struct{ Value map[string][]string }
	if err := json.Unmarshal([]byte(`{"value": `+string(w.mustRun(t, "output", "-json", "notify"))+`}`), &notify); err != nil {
		t.Fatal(err)
	}
	for severity, want := range map[string]int{"CRITICAL": 6 + 2 + 1, "ERROR": 6 + 1, "WARNING": 6 + 1} {
		if got := notify.Value[severity]; len(got) != want {
			t.Errorf("%s goes to %d channels, want %d: %q", severity, len(got), want, got)
		}
	}
}

// TestRotationIsFiltered requires of each subscription to what Secret Manager publishes
// that it takes nothing but rotations that are due: an alert counts its messages.
func TestRotationIsFiltered(t *testing.T) {
	t.Parallel()
	p := mustPlanOf(t, "prod")
	found := 0
	for _, s := range p.of("google_pubsub_subscription") {
		if !strings.HasPrefix(s.Address, "google_pubsub_subscription.key_rotation") {
			continue
		}
		found++
		// The event types: https://cloud.google.com/secret-manager/docs/event-notifications#events
		if want := `attributes.eventType = "SECRET_ROTATE"`; s.text("filter") != want {
			t.Errorf("%s has the filter %q, want %s", s.Address, s.text("filter"), want)
		}
	}
	if found != 1 {
		t.Errorf("there are %d subscriptions to rotations", found)
	}
}
