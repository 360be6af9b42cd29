package pubsub_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"souk/emulators/pubsub"
)

func TestCloseLetsPushesEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := MustStart(t, pubsub.Options{Dir: dir})
	c := MustConnect(t, b.Addr())
	first, second := c.MustTopic(t), c.MustTopic(t)
	pushing, closing := make(chan struct{}), make(chan struct{})
	var followUp string
	e := MustEndpoint(t, func(http.ResponseWriter, *http.Request, pushed) {
		close(pushing)
		<-closing
		// A function publishes while it is pushed to: that must still work.
		followUp = c.MustPublish(t, second, text("follow-up"))
	})
	c.MustSubscribe(t, first, pushTo(e))
	later := c.MustSubscribe(t, second)
	c.MustPublish(t, first, text("in flight"))
	<-pushing
	closed := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		closed <- b.Close(ctx)
	}()
	close(closing)
	if err := <-closed; err != nil {
		t.Fatalf("close: %v", err)
	}
	b = MustStart(t, pubsub.Options{Dir: dir})
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.Count(e.MustReceive(t).Body.Message.MessageID); got != 1 {
		t.Errorf("the message in flight was pushed %d times", got)
	}
	if got := MustConnect(t, b.Addr()).MustPull(t, later).GetMessage().GetMessageId(); got != followUp {
		t.Errorf("pulled %s, want the message published while closing, %s", got, followUp)
	}
}

func TestCloseSaysNothingWasCutOffWhenNothingWas(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// Close may see in either order that its time is over and that no push runs.
	for range 50 {
		b := MustStart(t, pubsub.Options{})
		if err := b.Close(ctx); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
}

func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := MustStart(t, pubsub.Options{Dir: dir})
	c := MustConnect(t, b.Addr())
	hung := make(chan struct{})
	e := MustEndpoint(t, func(_ http.ResponseWriter, _ *http.Request, p pushed) {
		if p.Nth == 1 {
			<-hung
		}
	})
	t.Cleanup(func() { close(hung) })
	topic := c.MustTopic(t)
	c.MustSubscribe(t, topic, pushTo(e), deadLetterTo(c.MustTopic(t)))
	id := c.MustPublish(t, topic, text("stuck"))
	e.MustReceive(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want one that says that pushes were cut off", err)
	}
	b = MustStart(t, pubsub.Options{Dir: dir})
	again := e.MustReceive(t)
	if again.Body.Message.MessageID != id || again.Body.DeliveryAttempt != 1 {
		t.Errorf("after the restart came %s, want message %s, its failure not counted", again.Raw, id)
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}
