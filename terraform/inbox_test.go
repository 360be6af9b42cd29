package terraform_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"souk/shared/event"
)

// TestInboxOutlastsReplays requires that a service remembers a processed event for longer than its
// message can be delivered: retained by the subscription of a function that fails, then as a dead
// letter, and after its replay by the subscriptions of all functions again.
func TestInboxOutlastsReplays(t *testing.T) {
	t.Parallel()
	text := mustRead(t, "pubsub.tf")
	retention := func(subscription string) time.Duration {
		t.Helper()
		match := regexp.MustCompile(`(?s)resource "google_pubsub_subscription" "` + subscription + `" \{.*?message_retention_duration += "(\d+)s"`).FindStringSubmatch(text)
		if match == nil {
			t.Fatalf("pubsub.tf has no retention of %s", subscription)
		}
		seconds, err := strconv.Atoi(match[1])
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(seconds) * time.Second
	}
	longest := 2*retention("push") + retention("dead_letter")
	if event.InboxRetention <= longest {
		t.Errorf("the inbox remembers an event for %s, and its message can be delivered until %s after its publication", event.InboxRetention, longest)
	}
}
