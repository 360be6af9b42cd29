package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/sync/errgroup"

	"souk/emulators/lab/chart"
	"souk/emulators/load"
	"souk/emulators/local"
)

var events = Experiment{
	Name:  "events",
	Title: "Data synchronization and coordination",
	Hypothesis: `While Pub/Sub is down, orders are still accepted: their events wait in the outbox. When it is back, ` +
		`every order is decided, although each message is delivered twice and in random order. A consumer that is down ` +
		`delays orders and loses none. A message that always fails goes to its dead-letter topic and delays no other.`,
	Settings: []Setting{
		{"how long a consumer has for a message", "terraform/pubsub.tf", "ack_deadline = tonumber("},
		{"how fast a failed message is delivered again", "terraform/pubsub.tf", "minimum_backoff = local.manifest.delivery.minBackoff"},
		{"after how many attempts a message is a dead letter", "terraform/pubsub.tf", "max_delivery_attempts = local.manifest.delivery.maxDeliveryAttempts"},
	},
	run: runEvents,
}

const (
	// usualBacklog is the most orders or events that are on their way without a fault.
	usualBacklog = 20

	poisonTopic        = "order-placed"
	poisonSubscription = "stock-reserve.order-placed.dead-letter"
)

// eventsRun is one run of the experiment.
type eventsRun struct {
	*shop
	report *Report
	drive  *drive
	spans  []chart.Span
	// backlog is the number of events in the outboxes, and pending that of orders.
	backlog, pending, confirmed chart.Series
	// stored is the last number of events in the outboxes.
	stored atomic.Int64
}

// deliverFast delivers messages twice and in random order. Attempts follow each other faster
// than in the cloud, so that a dead letter takes seconds and not 94 minutes.
func deliverFast(e *Env, o *local.Options) {
	o.Duplicate, o.Shuffle = true, true
	list := *o.Manifest
	list.Delivery.MaxDeliveryAttempts = pick(e, 40, 30)
	list.Delivery.MinBackoff = pick(e, 200*time.Millisecond, 50*time.Millisecond)
	list.Delivery.MaxBackoff = pick(e, time.Second, 200*time.Millisecond)
	o.Manifest = &list
}

func runEvents(ctx context.Context, e *Env, r *Report) (err error) {
	shop, err := e.startShop(ctx, func(o *local.Options) { deliverFast(e, o) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.close(context.WithoutCancel(ctx))) }()
	x := &eventsRun{
		shop: shop, report: r, backlog: chart.Series{Name: "events in outboxes"},
		pending: chart.Series{Name: "undecided orders"}, confirmed: chart.Series{Name: "confirmed a second"},
	}
	x.drive = shop.drive(ctx, load.Options{
		Scenario: load.FlashSale, Rate: pick(e, 5.0, 10.0), Users: load.MaxUsers, Duration: load.MaxDuration,
		Stock: 100_000, Settle: 3 * time.Minute, Interval: pick(e, time.Second, 200*time.Millisecond),
	}, shop.status.Gateway)
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	watchers, watching := errgroup.WithContext(watching)
	watchers.Go(func() error { return x.watch(watching) })
	if e.Quick {
		watchers.Go(func() error { return shop.sweep(watching) })
	}
	err = x.phases(ctx)
	result, snapshots, failed := x.drive.stop()
	if err = errors.Join(err, failed); err != nil {
		stopWatching()
		return errors.Join(err, watchers.Wait())
	}
	if err := x.audit(ctx, r); err != nil {
		return err
	}
	stopWatching()
	if err := watchers.Wait(); err != nil {
		return err
	}
	for _, s := range snapshots {
		x.pending.Add(s.ElapsedSeconds, float64(undecided(s.Orders)))
		x.confirmed.Add(s.ElapsedSeconds, s.ConfirmedPerSecond)
	}
	x.conclude(result)
	return nil
}

// phases injects the faults one after the other.
func (x *eventsRun) phases(ctx context.Context) error {
	e := x.env
	if err := until(ctx, time.Minute, "orders are confirmed", func() (bool, error) { return x.drive.last().Orders.Confirmed > 5, nil }); err != nil {
		return err
	}
	if err := gax.Sleep(ctx, pick(e, 8*time.Second, 0)); err != nil {
		return err
	}
	if err := x.brokerDown(ctx); err != nil {
		return fmt.Errorf("broker down: %w", err)
	}
	if err := x.consumerDown(ctx); err != nil {
		return fmt.Errorf("consumer down: %w", err)
	}
	return x.poisoned(ctx)
}

// brokerDown stops the broker, and waits after its start until no event is in an outbox.
func (x *eventsRun) brokerDown(ctx context.Context) error {
	outage := pick(x.env, time.Minute, 6*time.Second)
	x.env.progress("Pub/Sub is down for %s", outage)
	before := x.drive.last().Orders
	begin := x.drive.elapsed()
	if err := x.StopBroker(ctx); err != nil {
		return err
	}
	if err := gax.Sleep(ctx, outage); err != nil {
		return err
	}
	during := x.drive.last().Orders
	if err := x.StartBroker(ctx); err != nil {
		return err
	}
	end := x.drive.elapsed()
	x.spans = append(x.spans, chart.Span{Name: "Pub/Sub down", From: begin, To: end})
	x.report.count(during.Placed > before.Placed, "orders are accepted while Pub/Sub is down: %d", during.Placed-before.Placed)
	x.env.progress("Pub/Sub is back with %d undecided orders", undecided(during))
	if err := x.recover(ctx); err != nil {
		return err
	}
	recovered := x.drive.elapsed()
	x.report.find("In %.0f s without Pub/Sub %d orders were accepted and %d confirmed. %.0f s after its return the backlog was gone: "+
		"the sweep of the outbox, once a minute, publishes what is older than 10 s.",
		end-begin, during.Placed-before.Placed, during.Confirmed-before.Confirmed, recovered-end)
	return nil
}

// recover waits until the backlog of orders and events is gone.
func (x *eventsRun) recover(ctx context.Context) error {
	accepted := x.drive.last().Orders.Placed
	return until(ctx, 3*time.Minute, "the backlog is gone", func() (bool, error) {
		now := x.drive.last().Orders
		return now.Confirmed+now.Rejected >= accepted && undecided(now) <= usualBacklog && x.stored.Load() <= usualBacklog, nil
	})
}

// consumerDown kills the instances of order-confirm whenever there is one.
func (x *eventsRun) consumerDown(ctx context.Context) error {
	outage := pick(x.env, 15*time.Second, 1500*time.Millisecond)
	x.env.progress("order-confirm crashes for %s, and one message of %s is invalid", outage, poisonTopic)
	if err := x.publishPoison(ctx); err != nil {
		return err
	}
	begin, kills := x.drive.elapsed(), 0
	for end := time.Now().Add(outage); time.Now().Before(end); {
		for _, f := range x.Status().Functions {
			if f.Name != "order-confirm" {
				continue
			}
			for _, pid := range f.PIDs {
				if process, err := os.FindProcess(pid); err == nil && process.Signal(syscall.SIGKILL) == nil {
					kills++
				}
			}
		}
		if err := gax.Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	end := x.drive.elapsed()
	waiting := undecided(x.drive.last().Orders)
	x.spans = append(x.spans, chart.Span{Name: "consumer down", From: begin, To: end})
	if err := x.recover(ctx); err != nil {
		return err
	}
	x.report.count(kills > 0, "the consumer was down: %d instances of order-confirm were killed", kills)
	x.report.find("%d instances of order-confirm were killed in %.0f s. %d orders waited for it; they were decided %.1f s after its return.",
		kills, end-begin, waiting, x.drive.elapsed()-end)
	return nil
}

// publishPoison publishes a message that no consumer can decode.
func (x *eventsRun) publishPoison(ctx context.Context) (err error) {
	client, err := local.ConnectPubSub(ctx, x.status.PubSub.Host, x.status.PubSub.Project)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	topic := client.Publisher(poisonTopic)
	defer topic.Stop()
	if _, err := topic.Publish(ctx, &pubsub.Message{Data: []byte("no event")}).Get(ctx); err != nil {
		return fmt.Errorf("publish an invalid message: %w", err)
	}
	return nil
}

// poisoned waits until the invalid message is a dead letter, and acknowledges it.
func (x *eventsRun) poisoned(ctx context.Context) (err error) {
	client, err := local.ConnectPubSub(ctx, x.status.PubSub.Host, x.status.PubSub.Project)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	path := "projects/" + x.status.PubSub.Project + "/subscriptions/" + poisonSubscription
	letters := 0
	err = until(ctx, 2*time.Minute, "the invalid message is a dead letter", func() (bool, error) {
		got, err := client.SubscriptionAdminClient.Pull(ctx, &pb.PullRequest{
			Subscription: path, MaxMessages: 10, ReturnImmediately: true, //nolint:staticcheck // a poll that does not wait
		})
		if err != nil {
			return false, fmt.Errorf("read dead letters: %w", err)
		}
		letters += len(got.GetReceivedMessages())
		for _, m := range got.GetReceivedMessages() {
			ack := &pb.AcknowledgeRequest{Subscription: path, AckIds: []string{m.GetAckId()}}
			if err := client.SubscriptionAdminClient.Acknowledge(ctx, ack); err != nil {
				return false, fmt.Errorf("discard a dead letter: %w", err)
			}
		}
		return letters > 0, nil
	})
	if err != nil {
		return err
	}
	x.env.progress("the invalid message is a dead letter")
	x.report.count(letters == 1, "the invalid message, and no other, is a dead letter: %d", letters)
	return nil
}
