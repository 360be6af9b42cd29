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

// mustRejectAck checks that an error names exactly these ack ids, with one outcome.
func mustRejectAck(t *testing.T, err error, outcome string, ackIDs ...string) {
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

// testExactlyOnce uses ack ids again after they were acknowledged, returned or have
// expired: each is rejected by name.
func testExactlyOnce(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic, exactlyOnce)
	b.mustPublish(t, topic, text("once"))
	id := b.mustPull(t, name).GetAckId()
	if err := b.modifyDeadline(t, name, 60, id); err != nil {
		t.Errorf("extend: %v", err)
	}
	if err := b.ack(t, name, id); err != nil {
		t.Fatalf("acknowledge: %v", err)
	}
	mustRejectAck(t, b.ack(t, name, id), invalidAck, id)
	mustRejectAck(t, b.modifyDeadline(t, name, 60, id), invalidAck, id)

	b.mustPublish(t, topic, text("returned"))
	id = b.mustPull(t, name).GetAckId()
	if err := b.modifyDeadline(t, name, 0, id); err != nil {
		t.Fatalf("return the message: %v", err)
	}
	mustRejectAck(t, b.ack(t, name, id), invalidAck, id)
	again := b.mustPull(t, name).GetAckId()
	mustRejectAck(t, b.ack(t, name, id), invalidAck, id)
	if err := b.ack(t, name, again); err != nil {
		t.Errorf("acknowledge by the latest id: %v", err)
	}

	b.mustPublish(t, topic, text("expires"))
	id = b.mustPull(t, name).GetAckId()
	again = b.mustPull(t, name).GetAckId() // after the ack deadline
	mustRejectAck(t, b.ack(t, name, id), invalidAck, id)
	if err := b.ack(t, name, again); err != nil {
		t.Errorf("acknowledge by the latest id: %v", err)
	}
	if again := b.pullNow(t, name, 10); len(again) > 0 {
		t.Errorf("%v was delivered again after its acknowledgement", texts(again))
	}
}

// testExactlyOnceOrdered acknowledges out of order, which is rejected as transient.
func testExactlyOnceOrdered(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic, exactlyOnce, ordered)
	b.publishKeys(t, topic, 3, "k")
	got := b.pullNow(t, name, 3)
	if len(got) != 3 {
		t.Fatalf("pulled %v, want all three", texts(got))
	}
	mustRejectAck(t, b.ack(t, name, got[1].GetAckId()), unorderedAck, got[1].GetAckId())
	for _, m := range got {
		if err := b.ack(t, name, m.GetAckId()); err != nil {
			t.Errorf("acknowledge %s in order: %v", m.GetMessage().GetData(), err)
		}
	}
}

// testExactlyOnceSwitch turns exactly-once delivery on and off.
func testExactlyOnceSwitch(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic)
	for _, on := range []bool{true, false} {
		s, err := b.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
			Subscription: &pb.Subscription{Name: name, EnableExactlyOnceDelivery: on},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"enable_exactly_once_delivery"}}})
		if err != nil || s.GetEnableExactlyOnceDelivery() != on {
			t.Fatalf("update = %v, %v, want %t", s, err, on)
		}
		b.mustPublish(t, topic, text("switched"))
		id := b.mustPull(t, name).GetAckId()
		if err := b.ack(t, name, id); err != nil {
			t.Fatal(err)
		}
		if err := b.ack(t, name, id); (err != nil) != on {
			t.Errorf("second acknowledgement: %v, want an error: %t", err, on)
		}
	}
}

// testExactlyOnceStream uses the client's Receive and checks the result of every
// acknowledgement.
func testExactlyOnceStream(t *testing.T, b broker) {
	const messages = 40 // the client acknowledges every 100 ms
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic, exactlyOnce, ordered)
	b.publishKeys(t, topic, messages/4, "a", "b", "c", "d")
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
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
