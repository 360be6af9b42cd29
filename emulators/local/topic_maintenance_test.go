package local_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/uuid"

	"souk/emulators/local"
	"souk/emulators/pubsub"
	"souk/functions"
	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/manifest"
)

// acceptor is a publisher that accepts and drops all events.
type acceptor struct{}

func (acceptor) Publish(_ context.Context, events []event.Event) []error {
	return make([]error, len(events))
}

// TestMaintain uses a broker that loses its state, like Google's emulator on a restart: its
// topics and subscriptions are created again, and recent events are published again.
func TestMaintain(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t, event.Migrations)
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	outbox := event.NewOutbox(db, acceptor{}, clock.System, nil)
	publish := func() {
		t.Helper()
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return event.NewTopic[int]("thing-created", "thing").Add(ctx, tx, outbox, uuid.New(), 1)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pendingEvents := func() (rows int) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM outbox WHERE published_at IS NULL`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	start := func(address string) *pubsub.Broker {
		t.Helper()
		broker, err := pubsub.Start(t.Context(), pubsub.Options{Addr: address, Tokens: anyToken{}})
		if err != nil {
			t.Fatal(err)
		}
		return broker
	}
	broker := start("")
	t.Cleanup(func() {
		if err := broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	var log bytes.Buffer
	topics := local.Topics{
		Host: broker.Addr(), Project: "test", Log: slog.New(slog.NewTextHandler(&log, nil)),
		Databases: map[string]database.URL{"things": url},
		Topology: pubsub.Topology{
			Manifest: functions.Manifest(), Endpoint: func(f manifest.Function) string { return "http://127.0.0.1:1/" + f.Name },
		},
	}
	if err := topics.SetUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	publish()
	if err := topics.SetUp(t.Context()); err != nil || pendingEvents() != 0 {
		t.Fatalf("%d events to publish again with existing topics, want none: %v", pendingEvents(), err)
	}

	if err := broker.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	maintain := func(until func() bool) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			topics.Maintain(ctx)
		}()
		defer func() { stop(); <-done }()
		for deadline := time.Now().Add(time.Minute); !until(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("timeout: topics are missing, or %d events to publish again", pendingEvents())
			}
		}
	}
	f, _ := functions.Manifest().Function("stock-reserve")
	address, started := broker.Addr(), false
	admin := mustDial(t, address)
	maintain(func() bool { // at first, no broker is running
		if !started {
			broker, started = start(address), true
		}
		return pendingEvents() == 1 && slices.Contains(mustNames(t, admin), f.Subscription("order-placed"))
	})

	// The sweep skips events that a request may still be publishing.
	later := event.NewOutbox(db, acceptor{}, func() time.Time { return time.Now().Add(time.Minute) }, nil)
	if err := later.Sweep(t.Context()); err != nil || pendingEvents() != 0 {
		t.Fatalf("%d events are not published: %v", pendingEvents(), err)
	}
	// The topics exist, but pushes may have been lost while nothing relayed them.
	maintain(func() bool { return pendingEvents() == 1 })
}

// mustNames returns the subscriptions of the project "test".
func mustNames(t *testing.T, admin pb.SubscriberClient) (names []string) {
	t.Helper()
	list, err := admin.ListSubscriptions(t.Context(), &pb.ListSubscriptionsRequest{Project: project, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list.GetSubscriptions() {
		names = append(names, strings.TrimPrefix(s.GetName(), project+"/subscriptions/"))
	}
	return names
}
