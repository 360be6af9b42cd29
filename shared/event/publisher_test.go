package event_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/shared/event"
)

// startPubSub starts Google's fake of Pub/Sub with topics, for publishers that are created
// later in the test. Its address is an environment variable, so the test is not parallel.
func startPubSub(t *testing.T, topics ...string) *pstest.Server {
	t.Helper()
	server := pstest.NewServer()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("stop Pub/Sub: %v", err)
		}
	})
	for _, topic := range topics {
		name := "projects/souk-test/topics/" + topic
		if _, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: name}); err != nil {
			t.Fatalf("create %s: %v", topic, err)
		}
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
	return server
}

func newPublisher(t *testing.T, project string) *event.PubSub {
	t.Helper()
	publisher := event.NewPubSub(project)
	t.Cleanup(func() {
		if err := publisher.Close(); err != nil {
			t.Errorf("close the publisher: %v", err)
		}
	})
	return publisher
}

func newEvent(topic string, payload int) event.Event {
	return event.Event{ID: uuid.New(), Type: topic, Time: time.Now().UTC(), AggregateType: "thing", AggregateID: uuid.New(), Payload: fmt.Append(nil, payload)}
}

// rejecter rejects requests with a message whose payload is "rejected".
type rejecter struct{}

func (rejecter) React(request any) (handled bool, response any, err error) {
	publish, _ := request.(*pubsubpb.PublishRequest)
	for _, m := range publish.GetMessages() {
		if string(m.GetData()) == "rejected" {
			return true, nil, status.Error(codes.InvalidArgument, "a message is invalid")
		}
	}
	return false, nil, nil
}

func TestPubSub(t *testing.T) {
	t.Run("sends each event with its attributes to the topic of its type", func(t *testing.T) {
		server := startPubSub(t, "thing-made", "thing-gone")
		publisher := newPublisher(t, "souk-test")
		made, gone := newEvent("thing-made", 1), newEvent("thing-gone", 2)
		for i, err := range publisher.Publish(t.Context(), []event.Event{made, gone}) {
			if err != nil {
				t.Fatalf("event %d: %v", i, err)
			}
		}
		var topics []string
		for _, m := range server.Messages() {
			topics = append(topics, m.Topic)
			var p event.Push
			p.Message.Attributes, p.Message.Data = m.Attributes, m.Data
			e, err := p.Event()
			if err != nil {
				t.Fatal(err)
			}
			want := made
			if e.Type == "thing-gone" {
				want = gone
			}
			if e.ID != want.ID || m.Topic != "projects/souk-test/topics/"+want.Type || string(e.Payload) != string(want.Payload) {
				t.Errorf("topic %s received %+v, want %+v", m.Topic, e, want)
			}
		}
		if slices.Sort(topics); !slices.Equal(topics, []string{"projects/souk-test/topics/thing-gone", "projects/souk-test/topics/thing-made"}) {
			t.Errorf("the topics with messages are %v", topics)
		}
	})

	t.Run("fails only for the event whose topic is missing", func(t *testing.T) {
		server := startPubSub(t, "thing-made")
		publisher := newPublisher(t, "souk-test")
		errs := publisher.Publish(t.Context(), []event.Event{newEvent("thing-made", 1), newEvent("thing-lost", 2), newEvent("thing-made", 3)})
		if errs[0] != nil || errs[2] != nil || status.Code(errs[1]) != codes.NotFound {
			t.Errorf("got %v", errs)
		}
		if got := len(server.Messages()); got != 2 {
			t.Errorf("%d messages were received, want 2", got)
		}
	})

	t.Run("fails only for the event that Pub/Sub rejects, although it rejects the whole request", func(t *testing.T) {
		server := pstest.NewServer(pstest.ServerReactorOption{FuncName: "Publish", Reactor: rejecter{}})
		t.Cleanup(func() { _ = server.Close() })
		if _, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/souk-test/topics/thing-made"}); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
		publisher := newPublisher(t, "souk-test")
		var events []event.Event
		for i := range 20 {
			events = append(events, newEvent("thing-made", i))
		}
		events[7].Payload = []byte("rejected")
		for i, err := range publisher.Publish(t.Context(), events) {
			if (status.Code(err) == codes.InvalidArgument) != (i == 7) {
				t.Errorf("event %d: got %v", i, err)
			}
		}
		if got := len(server.Messages()); got != 19 {
			t.Errorf("%d messages were received, want 19", got)
		}
	})

	t.Run("ends with its context if Pub/Sub does not respond", func(t *testing.T) {
		server := startPubSub(t, "thing-made")
		publisher := newPublisher(t, "souk-test")
		ctx, cancel := context.WithCancel(t.Context())
		server.SetAutoPublishResponse(false) // Every publish waits for a response that never comes.
		results := make(chan []error, 1)
		go func() { results <- publisher.Publish(ctx, []event.Event{newEvent("thing-made", 1)}) }()
		cancel()
		if errs := <-results; len(errs) != 1 || !errors.Is(errs[0], context.Canceled) && status.Code(errs[0]) != codes.Canceled {
			t.Errorf("got %v", errs)
		}
		server.AddPublishResponse(&pubsubpb.PublishResponse{MessageIds: []string{"1"}}, nil)
	})

	t.Run("publishes from concurrent requests", func(t *testing.T) {
		server := startPubSub(t, "thing-made")
		publisher := newPublisher(t, "souk-test")
		const requests = 50
		errs := make(chan error, requests)
		for i := range requests {
			go func() { errs <- publisher.Publish(t.Context(), []event.Event{newEvent("thing-made", i)})[0] }()
		}
		for range requests {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		if got := len(server.Messages()); got != requests {
			t.Errorf("%d messages were received, want %d", got, requests)
		}
	})

	t.Run("returns the missing setting for every event", func(t *testing.T) {
		publisher := newPublisher(t, "")
		for _, err := range publisher.Publish(t.Context(), []event.Event{newEvent("a", 1), newEvent("b", 2)}) {
			if err == nil || err.Error() != "no project to publish to: set GOOGLE_CLOUD_PROJECT" {
				t.Errorf("got %v", err)
			}
		}
	})

	t.Run("does not connect before it publishes", func(t *testing.T) {
		t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
		newPublisher(t, "souk-test")
	})
}
