package functions_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/clock"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

const (
	// longestOutage is the longest outage that must have no lasting effect.
	longestOutage = time.Hour
	// recovery is the time after an outage within which pending orders are decided.
	recovery = time.Minute
	// pendingFor is the default of ORDER_PENDING_FOR.
	pendingFor = 90 * time.Minute
)

// deliver returns the time and the attempt at which a message is delivered if all attempts
// before the recovery fail. It backs off as Pub/Sub does:
// https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff
func deliver(d manifest.Delivery, published, recovered time.Duration) (at time.Duration, attempts int) {
	at, backoff := published, d.MinBackoff
	for attempts = 1; at < recovered; attempts++ {
		at += backoff
		backoff = min(2*backoff, d.MaxBackoff)
	}
	return at, attempts
}

// TestOutage simulates outages of up to an hour, with a message for every second: each must
// be delivered within a minute after the outage, before its order expires, and before it
// becomes a dead letter.
func TestOutage(t *testing.T) {
	t.Parallel()
	delivery := functions.Manifest().Delivery
	for _, outage := range []time.Duration{time.Second, 135 * time.Second, 9 * time.Minute, longestOutage - time.Second, longestOutage} {
		t.Run("an outage of "+outage.String()+" has no lasting effect", func(t *testing.T) {
			t.Parallel()
			for published := time.Duration(0); published < outage; published += time.Second {
				at, attempts := deliver(delivery, published, outage)
				if late := at - outage; late > recovery {
					t.Fatalf("a message published after %s is delivered %s after the outage", published, late)
				}
				if attempts >= delivery.MaxDeliveryAttempts {
					t.Fatalf("a message published after %s is a dead letter after %d attempts", published, attempts)
				}
				if age := at - published; age >= pendingFor {
					t.Fatalf("an order placed after %s is decided at the age of %s, but expires after %s", published, age, pendingFor)
				}
			}
		})
	}

	t.Run("a message is retried until its order expires", func(t *testing.T) {
		t.Parallel()
		if at, attempts := deliver(delivery, 0, pendingFor); attempts > delivery.MaxDeliveryAttempts {
			t.Errorf("%d attempts are needed until %s, but maxDeliveryAttempts is %d", attempts, at, delivery.MaxDeliveryAttempts)
		}
	})
}

// timeline is an order service whose clock the test sets.
type timeline struct {
	*functiontest.Server
	ahead atomic.Int64 // of the machine's clock
}

// send sets the clock to a time and delivers an event, with a token that is valid then.
func (l *timeline) send(t *testing.T, at time.Duration, name string, payload any) {
	t.Helper()
	l.ahead.Store(int64(at))
	e := functiontest.NewEvent(t, name, payload)
	consumer := map[string]string{"stock-reserved": "order-confirm"}[name]
	if consumer == "" {
		consumer = name
	}
	now := time.Now().Add(at)
	token := l.Tokens.PushWith(t, map[string]any{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	functiontest.Do(t, l.URL, functiontest.Request{
		Method: http.MethodPost, Path: "/" + consumer, Token: token,
		Body: object{
			"message":      object{"data": []byte(e.Payload), "attributes": e.Attributes(), "messageId": e.ID, "publishTime": e.Time},
			"subscription": fmt.Sprintf("projects/test/subscriptions/%s.%s", consumer, name), "deliveryAttempt": 1,
		},
	}).MustBe(t, http.StatusNoContent)
}

// requireStatus requires the status of an order. It reads the database, since tokens of
// customers expire after an hour.
func (l *timeline) requireStatus(t *testing.T, id uuid.UUID, want order.Status) {
	t.Helper()
	var got order.Status
	if err := l.DB.QueryRowContext(t.Context(), `SELECT status FROM orders WHERE id = ?`, id[:]).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}

// TestOrderOutlivesOutage delivers the events of orders with the delay of an outage of an
// hour, while order-expire runs every minute, with default settings.
func TestOrderOutlivesOutage(t *testing.T) {
	t.Parallel()
	l := &timeline{}
	l.Server = functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations, nil, functiontest.WithContract(contract),
		functiontest.WithClock(func() time.Time { return clock.System().Add(time.Duration(l.ahead.Load())) }))
	waiting, lost := seedOrder(t, l.Server), seedOrder(t, l.Server)
	for at := time.Minute; at <= longestOutage+recovery; at += time.Minute {
		l.send(t, at, "order-expire", struct{}{})
		l.requireStatus(t, waiting, order.Pending)
	}
	l.send(t, longestOutage+recovery, "stock-reserved", object{"orderId": waiting})
	l.requireStatus(t, waiting, order.Confirmed)

	l.send(t, pendingFor-time.Minute, "order-expire", struct{}{})
	l.requireStatus(t, lost, order.Pending)
	l.send(t, pendingFor+time.Minute, "order-expire", struct{}{})
	l.requireStatus(t, lost, order.Cancelled)
	l.requireStatus(t, waiting, order.Confirmed)
}
