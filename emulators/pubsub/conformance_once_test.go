package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	client "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func exactlyOnce(s *pb.Subscription) { s.EnableExactlyOnceDelivery = true }

const (
	invalidAck   = "PERMANENT_FAILURE_INVALID_ACK_ID"
	unorderedAck = "TRANSIENT_FAILURE_UNORDERED_ACK_ID"
)

// MustRefuseAck checks that an error names these ack ids, all with one outcome.
func MustRefuseAck(t *testing.T, err error, outcome string, ackIDs ...string) {
	t.Helper()
	var refused *apierror.APIError
	if !errors.As(err, &refused) || refused.GRPCStatus().Code() != codes.InvalidArgument || refused.Reason() != "EXACTLY_ONCE_ACKID_FAILURE" {
		t.Fatalf("error = %v, want one with details", err)
	}
	if len(refused.Metadata()) != len(ackIDs) {
		t.Errorf("details %v, want of %v", refused.Metadata(), ackIDs)
	}
	for _, id := range ackIDs {
		if got := refused.Metadata()[id]; got != outcome {
			t.Errorf("ack id %s: %q, want %q", id, got, outcome)
		}
	}
}

func (b *bench) ack(t *testing.T, subscription string, ackIDs ...string) error {
	t.Helper()
	return b.SubscriptionAdminClient.Acknowledge(t.Context(), &pb.AcknowledgeRequest{Subscription: subscription, AckIds: ackIDs})
}

func (b *bench) modifyDeadline(t *testing.T, subscription string, seconds int32, ackIDs ...string) error {
	t.Helper()
	return b.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), &pb.ModifyAckDeadlineRequest{
		Subscription: subscription, AckIds: ackIDs, AckDeadlineSeconds: seconds})
}

// testExactlyOnce uses ack ids a second time, after they were acknowledged, given
// back or have expired: each is refused by name.
func testExactlyOnce(t *testing.T, b broker) {
	topic := b.MustTopic(t)
	name := b.MustSubscribe(t, topic, exactlyOnce)
	b.MustPublish(t, topic, text("once"))
	id := b.MustPull(t, name).GetAckId()
	if err := b.modifyDeadline(t, name, 60, id); err != nil {
		t.Errorf("extend: %v", err)
	}
	if err := b.ack(t, name, id); err != nil {
		t.Fatalf("acknowledge: %v", err)
	}
	MustRefuseAck(t, b.ack(t, name, id), invalidAck, id)
	MustRefuseAck(t, b.modifyDeadline(t, name, 60, id), invalidAck, id)

	b.MustPublish(t, topic, text("given back"))
	id = b.MustPull(t, name).GetAckId()
	if err := b.modifyDeadline(t, name, 0, id); err != nil {
		t.Fatalf("give back: %v", err)
	}
	MustRefuseAck(t, b.ack(t, name, id), invalidAck, id)
	again := b.MustPull(t, name).GetAckId()
	MustRefuseAck(t, b.ack(t, name, id), invalidAck, id)
	if err := b.ack(t, name, again); err != nil {
		t.Errorf("acknowledge by the latest id: %v", err)
	}

	b.MustPublish(t, topic, text("expires"))
	id = b.MustPull(t, name).GetAckId()
	again = b.MustPull(t, name).GetAckId() // after the ack deadline
	MustRefuseAck(t, b.ack(t, name, id), invalidAck, id)
	if err := b.ack(t, name, again); err != nil {
		t.Errorf("acknowledge by the latest id: %v", err)
	}
	if left := b.pullNow(t, name, 10); len(left) > 0 {
		t.Errorf("%v came again after its acknowledgement", dataOf(left))
	}
}

// testExactlyOnceOrdered acknowledges out of order, which is refused for now.
func testExactlyOnceOrdered(t *testing.T, b broker) {
	topic := b.MustTopic(t)
	name := b.MustSubscribe(t, topic, exactlyOnce, ordered)
	b.publishKeys(t, topic, 3, "k")
	got := b.pullNow(t, name, 3)
	if len(got) != 3 {
		t.Fatalf("pulled %v, want all three", dataOf(got))
	}
	MustRefuseAck(t, b.ack(t, name, got[1].GetAckId()), unorderedAck, got[1].GetAckId())
	for _, m := range got {
		if err := b.ack(t, name, m.GetAckId()); err != nil {
			t.Errorf("acknowledge %s in order: %v", m.GetMessage().GetData(), err)
		}
	}
}

// testExactlyOnceSwitch turns exactly-once delivery on and off.
func testExactlyOnceSwitch(t *testing.T, b broker) {
	topic := b.MustTopic(t)
	name := b.MustSubscribe(t, topic)
	for _, on := range []bool{true, false} {
		s, err := b.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
			Subscription: &pb.Subscription{Name: name, EnableExactlyOnceDelivery: on},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"enable_exactly_once_delivery"}}})
		if err != nil || s.GetEnableExactlyOnceDelivery() != on {
			t.Fatalf("update = %v, %v, want %t", s, err, on)
		}
		b.MustPublish(t, topic, text("switched"))
		id := b.MustPull(t, name).GetAckId()
		if err := b.ack(t, name, id); err != nil {
			t.Fatal(err)
		}
		if err := b.ack(t, name, id); (err != nil) != on {
			t.Errorf("second acknowledgement: %v, want an error: %t", err, on)
		}
	}
}

// testExactlyOnceStream receives as applications do, and learns of every
// acknowledgement that it counts.
func testExactlyOnceStream(t *testing.T, b broker) {
	const messages = 40 // the client acknowledges every 100 ms
	topic := b.MustTopic(t)
	name := b.MustSubscribe(t, topic, exactlyOnce, ordered)
	b.publishKeys(t, topic, messages/4, "a", "b", "c", "d")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var mu sync.Mutex
	acknowledged := map[string]int{}
	var order []string
	err := b.Subscriber(name).Receive(ctx, func(ctx context.Context, m *client.Message) {
		status, err := m.AckWithResult().Get(ctx)
		mu.Lock()
		defer mu.Unlock()
		if err != nil || status != client.AcknowledgeStatusSuccess {
			t.Errorf("acknowledge %s: %v, %v", m.Data, status, err)
		}
		if m.OrderingKey == "a" {
			order = append(order, string(m.Data))
		}
		if acknowledged[m.ID]++; len(acknowledged) == messages {
			cancel()
		}
	})
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	for id, n := range acknowledged {
		if n != 1 {
			t.Errorf("message %s was acknowledged %d times", id, n)
		}
	}
	var want []string
	for i := range messages / 4 {
		want = append(want, fmt.Sprint("a", i))
	}
	if len(acknowledged) != messages || !slices.Equal(order, want) {
		t.Errorf("%d of %d messages were acknowledged; key a: %v", len(acknowledged), messages, order)
	}
}
