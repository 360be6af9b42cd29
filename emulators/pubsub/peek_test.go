package pubsub_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/emulators/pubsub"
)

func mustPeek(t *testing.T, b *pubsub.Broker, subscription string, limit int) []pubsub.Peeked {
	t.Helper()
	peeked, err := b.Peek(subscription, limit)
	if err != nil {
		t.Fatal(err)
	}
	return peeked
}

func TestPeek(t *testing.T) {
	t.Parallel()
	t.Run("the oldest messages are read, oldest first, as often as wanted", func(t *testing.T) {
		t.Parallel()
		b, c := mustConnectNew(t, pubsub.Options{})
		topic := c.mustTopic(t)
		name := c.mustSubscribe(t, topic)
		var ids []string
		for i := range 20 {
			ids = append(ids, c.mustPublish(t, topic, &pb.PubsubMessage{Data: fmt.Append(nil, i), Attributes: map[string]string{"n": fmt.Sprint(i % 2)}}))
		}
		for range 2 {
			peeked := mustPeek(t, b, name, 3)
			for i, p := range peeked {
				if p.ID != ids[i] || string(p.Data) != fmt.Sprint(i) || p.Attempt != 1 || p.State == pubsub.StateInFlight || p.PublishTime.IsZero() {
					t.Errorf("message %d is %+v", i, p)
				}
			}
			if len(peeked) != 3 {
				t.Errorf("%d messages", len(peeked))
			}
		}
		odd := b.PeekAll(func(attributes map[string]string) bool { return attributes["n"] == "1" })
		if len(odd) != 10 || odd[0].Attributes["n"] != "1" || odd[0].Subscription == "" {
			t.Errorf("%d messages match, the first is %+v", len(odd), odd)
		}
		if m := c.mustPull(t, name); m.GetMessage().GetMessageId() != ids[0] {
			t.Errorf("pulled %v", m)
		}
	})
	t.Run("a pulled message is in flight until its deadline", func(t *testing.T) {
		t.Parallel()
		b, c := mustConnectNew(t, pubsub.Options{})
		topic := c.mustTopic(t)
		name := c.mustSubscribe(t, topic)
		c.mustPublish(t, topic, text("a"))
		c.mustPull(t, name)
		if p := mustPeek(t, b, name, 1)[0]; p.State != pubsub.StateInFlight || !p.Due.After(time.Now()) {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("a message whose push failed waits, and later ones of its key are blocked", func(t *testing.T) {
		t.Parallel()
		b, c := mustConnectNew(t, pubsub.Options{})
		e := mustEndpoint(t, always(http.StatusInternalServerError))
		topic := c.mustTopic(t)
		name := c.mustSubscribe(t, topic, pushTo(e), func(s *pb.Subscription) {
			s.EnableMessageOrdering = true
			s.RetryPolicy = &pb.RetryPolicy{} // 10 s at first
		})
		c.mustPublishAll(t, topic, &pb.PubsubMessage{Data: []byte("1"), OrderingKey: "k"}, &pb.PubsubMessage{Data: []byte("2"), OrderingKey: "k"})
		e.mustReceive(t)
		for deadline := time.Now().Add(waitLimit); ; time.Sleep(time.Millisecond) {
			peeked := mustPeek(t, b, name, 10)
			if peeked[0].State == pubsub.StateWaiting {
				if peeked[0].Attempt != 2 || peeked[0].Due.IsZero() || peeked[1].State != pubsub.StateBlocked || peeked[1].Attempt != 1 {
					t.Errorf("got %+v", peeked)
				}
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("got %+v", peeked)
			}
		}
	})
	t.Run("a subscription that does not exist is an error", func(t *testing.T) {
		t.Parallel()
		b, _ := mustConnectNew(t, pubsub.Options{})
		if _, err := b.Peek("projects/p/subscriptions/missing", 1); status.Code(err) != codes.NotFound {
			t.Errorf("got %v", err)
		}
	})
}
