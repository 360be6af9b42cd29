package pubsub_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"souk/emulators/pubsub"
)

func TestCloseWaitsForPushes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := mustStart(t, pubsub.Options{Dir: dir})
	c := mustConnect(t, b.Addr())
	first, second := c.mustTopic(t), c.mustTopic(t)
	pushing, closing := make(chan struct{}), make(chan struct{})
	var followUp string
	e := mustEndpoint(t, func(http.ResponseWriter, *http.Request, pushed) {
		close(pushing)
		<-closing
		// A function may publish while it handles a push.
		followUp = c.mustPublish(t, second, text("follow-up"))
	})
	c.mustSubscribe(t, first, pushTo(e))
	later := c.mustSubscribe(t, second)
	c.mustPublish(t, first, text("in flight"))
	<-pushing
	closed := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
		defer cancel()
		closed <- b.Close(ctx)
	}()
	close(closing)
	if err := <-closed; err != nil {
		t.Fatalf("close: %v", err)
	}
	b = mustStart(t, pubsub.Options{Dir: dir})
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.Count(e.mustReceive(t).Body.Message.MessageID); got != 1 {
		t.Errorf("the message in flight was pushed %d times", got)
	}
	if got := mustConnect(t, b.Addr()).mustPull(t, later).GetMessage().GetMessageId(); got != followUp {
		t.Errorf("pulled %s, want the message published while closing, %s", got, followUp)
	}
}

func TestCloseWithoutPushesReturnsNoError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// The end of ctx and the absence of pushes may be seen in either order.
	for range 50 {
		b := mustStart(t, pubsub.Options{})
		if err := b.Close(ctx); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
}

func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := mustStart(t, pubsub.Options{Dir: dir})
	c := mustConnect(t, b.Addr())
	hung := make(chan struct{})
	e := mustEndpoint(t, func(_ http.ResponseWriter, _ *http.Request, p pushed) {
		if p.Nth == 1 {
			<-hung
		}
	})
	t.Cleanup(func() { close(hung) })
	topic := c.mustTopic(t)
	c.mustSubscribe(t, topic, pushTo(e), deadLetterTo(c.mustTopic(t)))
	id := c.mustPublish(t, topic, text("stuck"))
	e.mustReceive(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want one that reports aborted pushes", err)
	}
	b = mustStart(t, pubsub.Options{Dir: dir})
	again := e.mustReceive(t)
	if again.Body.Message.MessageID != id || again.Body.DeliveryAttempt != 1 {
		t.Errorf("push after the restart = %s, want message %s at its first attempt", again.Raw, id)
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}
