package pubsub_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"souk/emulators/pubsub"
	"souk/shared/manifest"
)

func testTopology(t *testing.T, b broker) {
	broken, repaired := mustEndpoint(t, always(http.StatusInternalServerError)), mustEndpoint(t, always(http.StatusOK))
	suffix := b.name(t)
	topology := pubsub.Topology{
		Manifest: &manifest.Manifest{
			Delivery: manifest.Delivery{AckDeadline: 30 * time.Second, MinBackoff: 100 * time.Millisecond, MaxBackoff: time.Second, MaxDeliveryAttempts: 5},
			Functions: []manifest.Function{
				{Name: "reserve" + suffix, Events: []string{"placed" + suffix}, Publishes: []string{"unheard" + suffix}},
				{Name: "sweep" + suffix, Schedule: "* * * * *"},
				{Name: "pay" + suffix, Events: []string{"placed" + suffix}, Filter: manifest.Filter{"payment": "required"}},
				{Name: "get" + suffix, HTTP: "GET /"},
			},
		},
		Endpoint:       func(manifest.Function) string { return broken.URL },
		ServiceAccount: serviceAccount,
	}
	mustApply(t, b, topology)
	mustApply(t, b, topology)

	placed, reserve := "projects/"+project+"/topics/placed"+suffix, "reserve"+suffix+".placed"+suffix
	t.Run("a poisoned message is stored as a dead letter", func(t *testing.T) {
		b.mustPublish(t, placed, text("poison"))
		graveyard := "projects/" + project + "/subscriptions/" + reserve + ".dead-letter"
		m := b.mustPull(t, graveyard)
		if string(m.GetMessage().GetData()) != "poison" {
			t.Errorf("dead letter = %v", m)
		}
		b.mustAck(t, graveyard, m)
	})
	t.Run("an event without a subscriber has a topic, so that it can be published", func(t *testing.T) {
		b.mustPublish(t, "projects/"+project+"/topics/unheard"+suffix, text("hello?"))
	})
	t.Run("a scheduled function has a topic of its name", func(t *testing.T) {
		b.mustPublish(t, "projects/"+project+"/topics/sweep"+suffix, text("tick"))
		p := broken.mustReceiveUntil(t, func(p pushed) bool { return p.Data() == "tick" })
		if got := p[len(p)-1].Body.Subscription; !strings.HasSuffix(got, "/sweep"+suffix+".sweep"+suffix) {
			t.Errorf("subscription = %q", got)
		}
	})
	t.Run("a second Apply changes the endpoint", func(t *testing.T) {
		topology.Endpoint = func(manifest.Function) string { return repaired.URL }
		topology.Manifest.Delivery.AckDeadline = 60 * time.Second
		mustApply(t, b, topology)
		id := b.mustPublish(t, placed, text("healed"))
		repaired.mustReceiveUntil(t, func(p pushed) bool { return p.Body.Message.MessageID == id })
		s, err := b.SubscriptionAdminClient.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: "projects/" + project + "/subscriptions/" + reserve})
		if err != nil {
			t.Fatal(err)
		}
		if s.GetAckDeadlineSeconds() != 60 || s.GetDeadLetterPolicy().GetMaxDeliveryAttempts() != 5 {
			t.Errorf("subscription = %v", s)
		}
	})
	testTopologyFilter(t, b, topology, suffix)
}

// testTopologyFilter changes the filter of a function's subscription. Pub/Sub changes no filter,
// so Apply replaces the subscription.
func testTopologyFilter(t *testing.T, b broker, topology pubsub.Topology, suffix string) {
	t.Helper()
	name := "projects/" + project + "/subscriptions/pay" + suffix + ".placed" + suffix
	for _, filter := range []manifest.Filter{{"payment": "required"}, {"payment": "required", "currency": "EUR"}, nil} {
		topology.Manifest.Functions[2].Filter = filter
		mustApply(t, b, topology)
		s, err := b.SubscriptionAdminClient.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: name})
		if err != nil {
			t.Fatal(err)
		}
		if s.GetFilter() != filter.String() {
			t.Errorf("the filter is %q, want %q", s.GetFilter(), filter)
		}
	}
}

// mustApply applies the topology.
func mustApply(t *testing.T, b broker, topology pubsub.Topology) {
	t.Helper()
	if err := pubsub.Apply(t.Context(), b.Client, topology); err != nil {
		t.Fatal(err)
	}
}
