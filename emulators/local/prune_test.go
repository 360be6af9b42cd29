package local_test

import (
	"context"
	"slices"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/emulators/local"
	"souk/emulators/pubsub"
	"souk/functions"
	"souk/shared/manifest"
)

func TestPruneTopics(t *testing.T) {
	t.Parallel()
	broker, err := pubsub.Start(t.Context(), pubsub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	// A previous manifest with a function that has been removed.
	before := *functions.Manifest()
	before.Functions = append(slices.Clone(before.Functions), manifest.Function{Name: "order-praise", Service: "order", Events: []string{"stock-reserved"}})
	err = local.SetUpTopics(t.Context(), broker.Addr(), "test", pubsub.Topology{
		Manifest: &before, Endpoint: func(f manifest.Function) string { return "http://127.0.0.1:1/" + f.Name },
	})
	if err != nil {
		t.Fatal(err)
	}
	admin := mustDial(t, broker.Addr())
	// Subscriptions that Apply has not created: of another name or configuration.
	others := []*pb.Subscription{
		{Name: project + "/subscriptions/analytics", PushConfig: &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1"}},
		{Name: project + "/subscriptions/bi.stock-reserved"},
		{Name: project + "/subscriptions/bi.pushed", PushConfig: &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1"}},
	}
	for _, s := range others {
		s.Topic = project + "/topics/stock-reserved"
		if _, err := admin.CreateSubscription(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}

	pruned, err := local.PruneTopics(t.Context(), broker.Addr(), "test", functions.Manifest())
	if want := []string{"order-praise.stock-reserved"}; err != nil || !slices.Equal(pruned, want) {
		t.Fatalf("pruned %v, %v; want %v", pruned, err, want)
	}
	_, err = admin.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: project + "/subscriptions/order-praise.stock-reserved"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("get the pruned subscription: %v, want NotFound", err)
	}
	mustGet(t, admin, "order-praise.stock-reserved.dead-letter")
	mustGet(t, admin, "analytics")
	mustGet(t, admin, "bi.stock-reserved")
	mustGet(t, admin, "bi.pushed")
	for _, f := range functions.Manifest().Functions {
		for _, topic := range f.Topics() {
			mustGet(t, admin, f.Subscription(topic))
		}
	}
	if pruned, err := local.PruneTopics(t.Context(), broker.Addr(), "test", functions.Manifest()); err != nil || len(pruned) > 0 {
		t.Errorf("again: %v, %v", pruned, err)
	}
}
