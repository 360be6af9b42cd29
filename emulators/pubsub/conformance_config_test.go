package pubsub_test

import (
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2/apiv1"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// testRetentionBounds sets retentions at and beyond the documented bounds.
func testRetentionBounds(t *testing.T, b broker) {
	const day = 24 * time.Hour
	bounds := map[time.Duration]codes.Code{
		10*time.Minute - time.Second: codes.InvalidArgument, 10 * time.Minute: codes.OK,
		31 * day: codes.OK, 31*day + time.Second: codes.InvalidArgument,
	}
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic)
	mask := &fieldmaskpb.FieldMask{Paths: []string{"message_retention_duration"}}
	for retention, want := range bounds {
		t.Run(retention.String(), func(t *testing.T) {
			set := durationpb.New(retention)
			fresh := "projects/" + project + "/topics/" + b.name(t)
			_, created := b.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: fresh, MessageRetentionDuration: set})
			_, updated := b.TopicAdminClient.UpdateTopic(t.Context(), &pb.UpdateTopicRequest{
				Topic: &pb.Topic{Name: topic, MessageRetentionDuration: set}, UpdateMask: mask})
			if status.Code(created) != want || status.Code(updated) != want {
				t.Errorf("topic: created %v, updated %v, want %v", created, updated, want)
			}
			if retention == 31*day && b.lacks[shortRetention] {
				want = codes.InvalidArgument
			}
			_, created = b.SubscriptionAdminClient.CreateSubscription(t.Context(), &pb.Subscription{
				Name: "projects/" + project + "/subscriptions/" + b.name(t), Topic: topic, MessageRetentionDuration: set})
			_, updated = b.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
				Subscription: &pb.Subscription{Name: name, MessageRetentionDuration: set}, UpdateMask: mask})
			if status.Code(created) != want || status.Code(updated) != want {
				t.Errorf("subscription: created %v, updated %v, want %v", created, updated, want)
			}
		})
	}
}

// testDefaults reads the fields that were not set at creation.
func testDefaults(t *testing.T, b broker) {
	name := b.mustSubscribe(t, b.mustTopic(t))
	s, err := b.SubscriptionAdminClient.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: name})
	if err != nil {
		t.Fatal(err)
	}
	if s.GetAckDeadlineSeconds() != 10 || s.GetMessageRetentionDuration().AsDuration() != 7*24*time.Hour {
		t.Errorf("subscription = %v", s)
	}
	if has := s.GetExpirationPolicy().GetTtl().AsDuration() == 31*24*time.Hour; has == b.lacks[fewDefaults] {
		t.Errorf("expiration policy = %v; known difference: %v", s.GetExpirationPolicy(), b.lacks[fewDefaults])
	}
}

// testTopicUpdates changes labels and storage policy, and tries to clear the latter.
func testTopicUpdates(t *testing.T, b broker) {
	regions := &pb.MessageStoragePolicy{AllowedPersistenceRegions: []string{"europe-west3"}}
	cases := map[string]struct {
		topic *pb.Topic
		path  string
		want  codes.Code
	}{
		"labels":               {&pb.Topic{Labels: map[string]string{"a": "b"}}, "labels", codes.OK},
		"storage policy":       {&pb.Topic{MessageStoragePolicy: regions}, "message_storage_policy", codes.OK},
		"no storage policy":    {&pb.Topic{}, "message_storage_policy", codes.InvalidArgument},
		"empty storage policy": {&pb.Topic{MessageStoragePolicy: &pb.MessageStoragePolicy{}}, "message_storage_policy", codes.InvalidArgument},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			test.topic.Name = b.mustTopic(t)
			_, err := b.TopicAdminClient.UpdateTopic(t.Context(), &pb.UpdateTopicRequest{
				Topic: test.topic, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{test.path}}})
			if b.lacks[fewUpdates] {
				test.want = codes.InvalidArgument
			}
			if status.Code(err) != test.want {
				t.Errorf("error = %v, want %v; known difference: %v", err, test.want, b.lacks[fewUpdates])
			}
		})
	}
}

func testDetach(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic)
	b.mustPublish(t, topic, text("dropped"))
	_, err := b.TopicAdminClient.DetachSubscription(t.Context(), &pb.DetachSubscriptionRequest{Subscription: name})
	if b.lacks[noDetach] {
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("known difference has disappeared: detach: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.SubscriptionAdminClient.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: name})
	if err != nil || !s.GetDetached() {
		t.Errorf("subscription = %v, %v, want it detached", s, err)
	}
	_, err = b.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{Subscription: name, MaxMessages: 1})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("pull: %v", err)
	}
}

// testNoSchemas lists schemas, as some clients do on start.
func testNoSchemas(t *testing.T, b broker) {
	//nolint:staticcheck // the connection is to one broker, whatever its pool
	schemas, err := client.NewSchemaClient(t.Context(), option.WithGRPCConn(b.TopicAdminClient.Connection()))
	if err != nil {
		t.Fatal(err)
	}
	for schema, err := range schemas.ListSchemas(t.Context(), &pb.ListSchemasRequest{Parent: "projects/" + project}).All() {
		if err != nil {
			t.Fatal(err)
		}
		t.Errorf("listed %v, want no schema", schema)
	}
	_, err = schemas.CreateSchema(t.Context(), &pb.CreateSchemaRequest{
		Parent: "projects/" + project + "-schemas", SchemaId: b.name(t),
		Schema: &pb.Schema{Type: pb.Schema_AVRO, Definition: `{"type": "record", "name": "M", "fields": [{"name": "a", "type": "string"}]}`}})
	want := codes.Unimplemented
	if b.lacks[schemasAreRejected] {
		want = codes.OK
	}
	if status.Code(err) != want {
		t.Errorf("create: %v, want %v", err, want)
	}
}
