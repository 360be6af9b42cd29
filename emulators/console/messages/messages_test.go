package messages_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"souk/emulators/console/messages"
	"souk/emulators/pubsub"
	"souk/emulators/pubsub/deadletters"
)

const (
	project = "souk-test"
	maxWait = 20 * time.Second

	topic   = "stock-reserved"
	name    = "order-confirm.stock-reserved"
	letters = name + ".dead-letter"
)

// shop is a broker with a function that fails until it is repaired.
type shop struct {
	*messages.Source
	broker *pubsub.Broker

	mu       sync.Mutex
	repaired bool
	received int
	records  []deadletters.Record
}

// mustOpen returns a shop. Its source reads the broker itself, or uses its API only.
func mustOpen(t *testing.T, embedded bool) *shop {
	t.Helper()
	broker, err := pubsub.Start(t.Context(), pubsub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{broker: broker}
	options := messages.Options{Host: broker.Addr(), Project: project, Record: func(r deadletters.Record) error {
		s.records = append(s.records, r)
		return nil
	}}
	if embedded {
		options.Embedded = func() *pubsub.Broker { return broker }
	}
	s.Source = messages.New(options)
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), broker.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	s.mustSetUp(t)
	return s
}

func (s *shop) mustSetUp(t *testing.T) {
	t.Helper()
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.received++
		if !s.repaired {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(function.Close)
	client, err := pubsub.Connect(t.Context(), s.broker.Addr(), project)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, one := range []string{topic, letters} {
		if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: "projects/" + project + "/topics/" + one}); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range []*pb.Subscription{
		{Name: letters, Topic: letters},
		{
			Name: name, Topic: topic, PushConfig: &pb.PushConfig{PushEndpoint: function.URL},
			RetryPolicy:      &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Millisecond), MaximumBackoff: durationpb.New(time.Millisecond)},
			DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: "projects/" + project + "/topics/" + letters, MaxDeliveryAttempts: 5},
		},
	} {
		one.Name, one.Topic = "projects/"+project+"/subscriptions/"+one.GetName(), "projects/"+project+"/topics/"+one.GetTopic()
		if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
}

// mustCreateDeadLetters publishes messages and waits until all are dead letters.
func (s *shop) mustCreateDeadLetters(t *testing.T, n int) []messages.Message {
	t.Helper()
	for range n {
		if _, err := s.Publish(t.Context(), messages.Draft{Topic: topic, Data: `{"b":1,"a":2}`, Envelope: true}); err != nil {
			t.Fatal(err)
		}
	}
	return s.waitForMessages(t, letters, n)
}

func (s *shop) waitForMessages(t *testing.T, subscription string, n int) []messages.Message {
	t.Helper()
	for deadline := time.Now().Add(maxWait); ; time.Sleep(time.Millisecond) {
		found, err := s.Read(t.Context(), subscription, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == n {
			return found
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages in %s, want %d", len(found), subscription, n)
		}
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	for kind, embedded := range map[string]bool{"of the embedded broker": true, "through the API": false} {
		t.Run("dead letters "+kind+" are read, discarded and replayed", func(t *testing.T) {
			t.Parallel()
			s := mustOpen(t, embedded)
			found := s.mustCreateDeadLetters(t, 3)
			m := found[0]
			want := &messages.DeadLetter{Source: name, Deliveries: "5", Reason: "the push endpoint responded with 500 Internal Server Error"}
			if diff := cmp.Diff(want, m.DeadLetter); diff != "" {
				t.Errorf("dead letter (-want +got):\n%s", diff)
			}
			if m.Body != "{\n  \"b\": 1,\n  \"a\": 2\n}" || len(m.Attributes) != 3 || m.Attributes["type"] != topic || m.Attributes["id"] == "" {
				t.Errorf("message %+v", m)
			}
			if n, err := s.Discard(t.Context(), letters, []string{m.ID}, "not needed"); n != 1 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			s.mu.Lock()
			s.repaired, s.received = true, 0
			s.mu.Unlock()
			if n, err := s.Replay(t.Context(), letters, nil, "repaired"); n != 2 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			s.waitForMessages(t, letters, 0)
			if _, err := s.Discard(t.Context(), letters, []string{"1"}, "again"); !errors.Is(err, messages.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			if err := s.broker.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.received != 2 || len(s.records) != 3 || s.records[0].Why != "not needed" || s.records[2].Who != "console" {
				t.Errorf("%d received, records %+v", s.received, s.records)
			}
		})
		t.Run("the list of subscriptions "+kind+" names topics and dead letters", func(t *testing.T) {
			t.Parallel()
			s := mustOpen(t, embedded)
			s.mustCreateDeadLetters(t, 1)
			o, err := s.Overview(t.Context())
			if err != nil || len(o.Topics) != 2 || len(o.Subscriptions) != 2 || o.Counted != embedded {
				t.Fatalf("%+v, %v", o, err)
			}
			source, store := o.Subscriptions[0], o.Subscriptions[1]
			if source.Name != name || !source.Push || source.Topic != topic || source.DeadLetters != letters || source.IsDeadLetters || !store.IsDeadLetters {
				t.Errorf("got %+v", o.Subscriptions)
			}
			if embedded && (store.Backlog != 1 || source.DeadLettered != 1 || source.Failed != 5) {
				t.Errorf("got %+v", o.Subscriptions)
			}
		})
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	t.Run("messages of a push subscription are read from the embedded broker only", func(t *testing.T) {
		t.Parallel()
		if _, err := mustOpen(t, false).Read(t.Context(), name, 1); !errors.Is(err, messages.ErrUnreadable) {
			t.Errorf("got %v", err)
		}
		if found, err := mustOpen(t, true).Read(t.Context(), name, 1); err != nil || len(found) != 0 {
			t.Errorf("got %v, %v", found, err)
		}
	})
	t.Run("a subscription that does not exist is not found", func(t *testing.T) {
		t.Parallel()
		for _, embedded := range []bool{true, false} {
			if _, err := mustOpen(t, embedded).Read(t.Context(), "missing.dead-letter", 1); !errors.Is(err, messages.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("data that is no JSON is shown as text, and long data is cut", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, true)
		for _, data := range []string{"plain \xff", strings.Repeat("x", 100_000)} {
			if _, err := s.Publish(t.Context(), messages.Draft{Topic: letters, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		found := s.waitForMessages(t, letters, 2)
		if found[0].Body != "plain \uFFFD" || len(found[1].Body) > 70_000 {
			t.Errorf("got %q and %d bytes", found[0].Body, len(found[1].Body))
		}
	})
}

func TestPublish(t *testing.T) {
	t.Parallel()
	t.Run("attributes that are given are not replaced by those of the envelope", func(t *testing.T) {
		t.Parallel()
		s := mustOpen(t, true)
		_, err := s.Publish(t.Context(), messages.Draft{Topic: letters, Data: "a", Envelope: true, Attributes: map[string]string{"id": "mine", "x": "y"}})
		if err != nil {
			t.Fatal(err)
		}
		got := s.waitForMessages(t, letters, 1)[0].Attributes
		if got["id"] != "mine" || got["x"] != "y" || got["type"] != letters || got["time"] == "" {
			t.Errorf("attributes %v", got)
		}
	})
	t.Run("a topic that does not exist is not found", func(t *testing.T) {
		t.Parallel()
		if _, err := mustOpen(t, true).Publish(t.Context(), messages.Draft{Topic: "missing", Data: "a"}); !errors.Is(err, messages.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}
