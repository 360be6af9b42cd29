package pubsub_test

import (
	"slices"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"souk/emulators/pubsub"
)

// TestStreamConfirmsAcknowledgements acknowledges on the stream itself, as some clients
// do: with exactly-once delivery the response names the ids. An update that enables it
// is announced on the open stream.
func TestStreamConfirmsAcknowledgements(t *testing.T) {
	t.Parallel()
	_, c := mustConnectNew(t, pubsub.Options{})
	topic := c.mustTopic(t)
	name := c.mustSubscribe(t, topic, ordered)
	stream, err := c.SubscriptionAdminClient.StreamingPull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send := func(request *pb.StreamingPullRequest) {
		t.Helper()
		if err := stream.Send(request); err != nil {
			t.Fatal(err)
		}
	}
	receive := func() *pb.StreamingPullResponse {
		t.Helper()
		response, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	send(&pb.StreamingPullRequest{Subscription: name, StreamAckDeadlineSeconds: 60})
	send(&pb.StreamingPullRequest{})
	if p := receive().GetSubscriptionProperties(); p.GetExactlyOnceDeliveryEnabled() || !p.GetMessageOrderingEnabled() {
		t.Errorf("properties = %v", p)
	}
	_, err = c.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
		Subscription: &pb.Subscription{Name: name, EnableExactlyOnceDelivery: true},
		UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"enable_exactly_once_delivery"}}})
	if err != nil {
		t.Fatal(err)
	}
	if p := receive().GetSubscriptionProperties(); !p.GetExactlyOnceDeliveryEnabled() {
		t.Errorf("properties after the update = %v", p)
	}
	c.publishKeys(t, topic, 3, "k")
	var ids []string
	for len(ids) < 3 {
		for _, m := range receive().GetReceivedMessages() {
			ids = append(ids, m.GetAckId())
		}
	}
	send(&pb.StreamingPullRequest{AckIds: []string{ids[2], ids[0], "void"}})
	o := receive().GetAcknowledgeConfirmation()
	if !slices.Equal(o.GetAckIds(), ids[:1]) || !slices.Equal(o.GetUnorderedAckIds(), ids[2:]) || !slices.Equal(o.GetInvalidAckIds(), []string{"void"}) {
		t.Errorf("confirmation = %v, of %v", o, ids)
	}
	send(&pb.StreamingPullRequest{ModifyDeadlineAckIds: []string{ids[0], ids[1]}, ModifyDeadlineSeconds: []int32{60, 60}})
	m := receive().GetModifyAckDeadlineConfirmation()
	if !slices.Equal(m.GetAckIds(), ids[1:2]) || !slices.Equal(m.GetInvalidAckIds(), ids[:1]) {
		t.Errorf("confirmation = %v, of %v", m, ids)
	}
	send(&pb.StreamingPullRequest{AckIds: ids[1:]})
	if o := receive().GetAcknowledgeConfirmation(); !slices.Equal(o.GetAckIds(), ids[1:]) {
		t.Errorf("confirmation = %v, want all remaining ids", o)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
}
