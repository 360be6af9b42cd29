package deadletters_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"souk/emulators/pubsub/deadletters"
)

// mend makes the function take what it gets from now on.
func (h *house) mend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mended = true
}

// waitForMessages waits until the function has taken that many messages.
func (h *house) waitForMessages(t *testing.T, n int) []map[string]string {
	t.Helper()
	for deadline := time.Now().Add(maxWait); ; time.Sleep(time.Millisecond) {
		h.mu.Lock()
		received := h.received
		h.mu.Unlock()
		if len(received) >= n {
			return received
		}
		if time.Now().After(deadline) {
			t.Fatalf("the function has taken %d messages, want %d", len(received), n)
		}
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	t.Run("brings one message to its function, as it was", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		letters := h.mustCreateDeadLetters(t, 2)
		h.mend()
		n, err := h.Replay(t.Context(), deadletters.Which{Subscription: source, IDs: []string{letters[1].ID}}, h.act())
		if n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if got := h.waitForMessages(t, 1); !maps.Equal(got[0], map[string]string{"id": "1", "type": topic}) {
			t.Errorf("attributes %v", got)
		}
		if left := h.mustListDeadLetters(t); len(left) != 1 || left[0].ID != letters[0].ID {
			t.Errorf("left are %+v", left)
		}
		r := h.records[0]
		if len(h.records) != 1 || r.Action != "deadletter-replay" || r.Who != "amira" || r.Why != "mended" || r.MessageID != letters[1].ID ||
			r.Topic != topic || r.NewMessageID == "" || r.Attributes["id"] != "1" || time.Since(r.Time) > maxWait {
			t.Errorf("the records are %+v", h.records)
		}
	})
	t.Run("every dead letter is replayed", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.mustCreateDeadLetters(t, 3)
		h.mend()
		if n, err := h.Replay(t.Context(), deadletters.Which{Subscription: source}, h.act()); n != 3 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		h.waitForMessages(t, 3)
		h.mustList(t, 0)
	})
	t.Run("a replay of what still fails ends, and it is a dead letter again", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.mustCreateDeadLetters(t, 2)
		if n, err := h.Replay(t.Context(), deadletters.Which{Subscription: source}, h.act()); n != 2 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		for _, l := range h.waitForDeadLetters(t, 2) {
			if l.Deliveries != 5 {
				t.Errorf("the count begins anew: %+v", l)
			}
		}
	})
	t.Run("leaves a message that could not be published where it is", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.mustCreateDeadLetters(t, 1)
		if err := h.Client.TopicAdminClient.DeleteTopic(t.Context(), &pb.DeleteTopicRequest{Topic: topicPath(topic)}); err != nil {
			t.Fatal(err)
		}
		n, err := h.Replay(t.Context(), deadletters.Which{Subscription: source}, h.act())
		if n != 0 || err == nil {
			t.Errorf("%d, %v", n, err)
		}
		h.mustList(t, 1)
		if len(h.records) != 0 {
			t.Errorf("the records are %+v", h.records)
		}
	})
	t.Run("a replay for a function that was removed reports that only discarding remains", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.mustCreateDeadLetters(t, 1)
		if err := h.Client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pb.DeleteSubscriptionRequest{Subscription: path(source)}); err != nil {
			t.Fatal(err)
		}
		_, err := h.Replay(t.Context(), deadletters.Which{Subscription: source}, h.act())
		if !errors.Is(err, deadletters.ErrNotFound) || !strings.Contains(err.Error(), "discarded") {
			t.Errorf("got %v", err)
		}
		if s := h.mustList(t, 1); s.Topic != "" {
			t.Errorf("got %+v", s)
		}
	})
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	h := open(t)
	letters := h.mustCreateDeadLetters(t, 3)
	t.Run("removes nothing that cannot be written down", func(t *testing.T) {
		full := errors.New("the disk is full")
		n, err := h.Discard(t.Context(), deadletters.Which{Subscription: source}, deadletters.Act{
			Log: func(deadletters.Record) error { return full },
		})
		if n != 0 || !errors.Is(err, full) {
			t.Errorf("%d, %v", n, err)
		}
		h.mustList(t, 3)
	})
	t.Run("discarding an id that is missing removes the others, and reports it", func(t *testing.T) {
		n, err := h.Discard(t.Context(), deadletters.Which{Subscription: source, IDs: []string{letters[0].ID, "no-such-id"}}, h.act())
		if n != 1 || !errors.Is(err, deadletters.ErrNotFound) || !strings.Contains(err.Error(), "no-such-id") {
			t.Errorf("%d, %v", n, err)
		}
		h.mustList(t, 2)
	})
	t.Run("removes all, and writes down each", func(t *testing.T) {
		h.records = nil
		n, err := h.Discard(t.Context(), deadletters.Which{Subscription: source}, h.act())
		if n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		h.mustList(t, 0)
		if len(h.records) != 2 || h.records[0].Action != "deadletter-discard" || h.records[0].Why != "mended" {
			t.Errorf("the records are %+v", h.records)
		}
	})
}
