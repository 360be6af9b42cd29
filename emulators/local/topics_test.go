package local_test

import (
	"context"
	"errors"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"souk/emulators/local"
	"souk/emulators/pubsub"
	"souk/functions"
	"souk/shared/manifest"
)

const project = "projects/test"

type anyToken struct{}

func (anyToken) Token(string, string) (string, error) { return "token", nil }

func TestSetUpTopics(t *testing.T) {
	t.Parallel()
	broker, err := pubsub.Start(t.Context(), pubsub.Options{Tokens: anyToken{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	setUp := func(t *testing.T, host string) {
		t.Helper()
		err := local.SetUpTopics(t.Context(), broker.Addr(), "test", pubsub.Topology{
			Manifest:       functions.Manifest(),
			Endpoint:       func(f manifest.Function) string { return "http://" + host + "/" + f.Name },
			ServiceAccount: "pusher@test", Audience: func(f manifest.Function) string { return f.Name },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	setUp(t, "old")
	setUp(t, "new") // again, with other endpoints
	admin := mustDial(t, broker.Addr())

	for _, f := range functions.Manifest().Functions {
		for _, topic := range f.Topics() {
			t.Run("messages of "+topic+" are pushed to "+f.Name, func(t *testing.T) {
				checkPush(t, mustGet(t, admin, f.Subscription(topic)), f, topic)
			})
			t.Run("dead letters of "+topic+" for "+f.Name+" are stored", func(t *testing.T) {
				dead := mustGet(t, admin, f.DeadLetterTopic(topic))
				if dead.GetTopic() != project+"/topics/"+f.DeadLetterTopic(topic) || dead.GetPushConfig().GetPushEndpoint() != "" {
					t.Errorf("got %v", dead)
				}
			})
		}
	}
}

func checkPush(t *testing.T, s *pb.Subscription, f manifest.Function, topic string) {
	t.Helper()
	delivery := functions.Manifest().Delivery
	if s.GetTopic() != project+"/topics/"+topic {
		t.Errorf("topic %s", s.GetTopic())
	}
	if got := s.GetPushConfig().GetPushEndpoint(); got != "http://new/"+f.Name {
		t.Errorf("endpoint %s", got)
	}
	if token := s.GetPushConfig().GetOidcToken(); token.GetAudience() != f.Name || token.GetServiceAccountEmail() != "pusher@test" {
		t.Errorf("token %v", token)
	}
	if got := time.Duration(s.GetAckDeadlineSeconds()) * time.Second; got != delivery.AckDeadline {
		t.Errorf("ack deadline = %s", got)
	}
	dead := s.GetDeadLetterPolicy()
	if dead.GetDeadLetterTopic() != project+"/topics/"+f.DeadLetterTopic(topic) || int(dead.GetMaxDeliveryAttempts()) != delivery.MaxDeliveryAttempts {
		t.Errorf("dead-letter policy = %v", dead)
	}
	if retry := s.GetRetryPolicy(); retry.GetMinimumBackoff().AsDuration() != delivery.MinBackoff || retry.GetMaximumBackoff().AsDuration() != delivery.MaxBackoff {
		t.Errorf("retry %v", retry)
	}
}

func TestSetUpTopicsWithoutEmulator(t *testing.T) {
	t.Parallel()
	err := local.SetUpTopics(t.Context(), "127.0.0.1:1", "test", pubsub.Topology{
		Manifest: functions.Manifest(),
		Endpoint: func(manifest.Function) string { return "http://nowhere" },
	})
	if advice := (&local.Advice{}); !errors.As(err, &advice) {
		t.Errorf("got %v", err)
	}
}

func mustDial(t *testing.T, host string) pb.SubscriberClient {
	t.Helper()
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return pb.NewSubscriberClient(conn)
}

func mustGet(t *testing.T, admin pb.SubscriberClient, id string) *pb.Subscription {
	t.Helper()
	s, err := admin.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: project + "/subscriptions/" + id})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
