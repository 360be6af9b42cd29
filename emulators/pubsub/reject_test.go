package pubsub_test

import (
	"net/http"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"souk/emulators/pubsub"
)

func TestInvalidRequestsAreRejected(t *testing.T) {
	t.Parallel()
	_, c := mustConnectNew(t, pubsub.Options{})
	topic := c.mustTopic(t)
	subscribe := func(set func(*pb.Subscription)) error {
		s := &pb.Subscription{Name: "projects/" + project + "/subscriptions/" + c.name(t), Topic: topic}
		set(s)
		_, err := c.SubscriptionAdminClient.CreateSubscription(t.Context(), s)
		return err
	}
	cases := map[string]struct {
		set  func(*pb.Subscription)
		want codes.Code
	}{
		"name too short":           {func(s *pb.Subscription) { s.Name = "projects/p/subscriptions/x" }, codes.InvalidArgument},
		"name of google":           {func(s *pb.Subscription) { s.Name = "projects/p/subscriptions/google" }, codes.InvalidArgument},
		"unknown topic":            {func(s *pb.Subscription) { s.Topic += "x" }, codes.NotFound},
		"ack deadline too short":   {func(s *pb.Subscription) { s.AckDeadlineSeconds = 9 }, codes.InvalidArgument},
		"ack deadline too long":    {func(s *pb.Subscription) { s.AckDeadlineSeconds = 601 }, codes.InvalidArgument},
		"endpoint is no URL":       {func(s *pb.Subscription) { s.PushConfig = &pb.PushConfig{PushEndpoint: "here"} }, codes.InvalidArgument},
		"token without issuer":     {withToken, codes.FailedPrecondition},
		"backoff upside down":      {retryPolicy(2*time.Second, time.Second), codes.InvalidArgument},
		"backoff too long":         {retryPolicy(time.Second, 601*time.Second), codes.InvalidArgument},
		"too few attempts":         {attempts(topic, 4), codes.InvalidArgument},
		"too many attempts":        {attempts(topic, 101), codes.InvalidArgument},
		"unknown dead-letter":      {attempts(topic+"x", 5), codes.NotFound},
		"BigQuery is not emulated": {func(s *pb.Subscription) { s.BigqueryConfig = &pb.BigQueryConfig{} }, codes.Unimplemented},
		"Bigtable is not emulated": {func(s *pb.Subscription) { s.BigtableConfig = &pb.BigtableConfig{} }, codes.Unimplemented},
		"exactly once by push": {func(s *pb.Subscription) {
			s.PushConfig = &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1"}
			s.EnableExactlyOnceDelivery = true
		}, codes.InvalidArgument},
		"expires too soon": {func(s *pb.Subscription) {
			s.ExpirationPolicy = &pb.ExpirationPolicy{Ttl: durationpb.New(24*time.Hour - time.Second)}
		}, codes.InvalidArgument},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			if err := subscribe(test.set); status.Code(err) != test.want {
				t.Errorf("error = %v, want %v", err, test.want)
			}
		})
	}
	t.Run("an empty message is refused", func(t *testing.T) {
		_, err := c.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{Topic: topic, Messages: []*pb.PubsubMessage{{}}})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("an unknown topic is not found", func(t *testing.T) {
		_, err := c.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{Topic: topic + "x", Messages: []*pb.PubsubMessage{text("x")}})
		if status.Code(err) != codes.NotFound {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("pull from a push subscription", func(t *testing.T) {
		name := c.mustSubscribe(t, topic, pushTo(mustEndpoint(t, always(http.StatusOK))))
		_, err := c.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{Subscription: name, MaxMessages: 1})
		if status.Code(err) != codes.FailedPrecondition {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("filter can't be changed", func(t *testing.T) {
		_, err := c.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
			Subscription: &pb.Subscription{Name: c.mustSubscribe(t, topic), Filter: "attributes:x"},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"filter"}}})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("error = %v", err)
		}
	})
}

func withToken(s *pb.Subscription) {
	s.PushConfig = &pb.PushConfig{
		PushEndpoint:         "http://127.0.0.1:1",
		AuthenticationMethod: &pb.PushConfig_OidcToken_{OidcToken: &pb.PushConfig_OidcToken{ServiceAccountEmail: serviceAccount}},
	}
}

func retryPolicy(minimum, maximum time.Duration) func(*pb.Subscription) {
	return func(s *pb.Subscription) {
		s.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: durationpb.New(minimum), MaximumBackoff: durationpb.New(maximum)}
	}
}

func attempts(topic string, n int32) func(*pb.Subscription) {
	return func(s *pb.Subscription) {
		s.DeadLetterPolicy = &pb.DeadLetterPolicy{DeadLetterTopic: topic, MaxDeliveryAttempts: n}
	}
}
