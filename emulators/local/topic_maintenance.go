package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	emulator "souk/emulators/pubsub"
	"souk/shared/database"
	"souk/shared/event"
)

const (
	// marker is a topic without messages. It is created last, so that its existence
	// proves that of all others; an emulator without it has lost its state.
	marker = "souk-set-up"

	// lossWindow is the age up to which messages may be lost: longer than Pub/Sub tries
	// to deliver one with the delays in functions.yaml.
	lossWindow = 3 * time.Hour

	// pollPeriod is how often the emulator is checked.
	pollPeriod = time.Second
)

// Topics are the topics and subscriptions on an emulator without persistent state, such as
// Google's: after a restart they have to be created again, and undelivered messages have to
// be published again.
type Topics struct {
	// Host and Project select the emulator, as for SetUpTopics.
	Host, Project string
	Topology      emulator.Topology
	// Databases are those of the services, with outboxes of the published events.
	Databases map[string]database.URL
	Log       *slog.Logger
}

// Maintain sets up the topics at once, and again whenever the emulator has lost them, until
// ctx is done. At the start it also publishes recent events again: pushes may have been lost
// while no relay was running, and Google's emulator retries only after minutes. It logs
// errors and tries again.
func (t Topics) Maintain(ctx context.Context) {
	poll := time.NewTicker(pollPeriod)
	defer poll.Stop()
	caughtUp := false
	for {
		err := t.SetUp(ctx)
		if err == nil && !caughtUp {
			err = t.republish(ctx)
			caughtUp = err == nil
		}
		if err != nil && ctx.Err() == nil {
			t.Log.WarnContext(ctx, "set up the topics: trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}

// SetUp creates the topics and subscriptions if the emulator does not have them, and
// publishes recent events again, which an emulator without topics has not delivered.
func (t Topics) SetUp(ctx context.Context) (err error) {
	client, err := ConnectPubSub(ctx, t.Host, t.Project)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if exists, err := t.hasMarker(ctx, client); exists || err != nil {
		return err
	}
	if err := emulator.Apply(ctx, client, t.Topology); err != nil {
		return err
	}
	if err := t.republish(ctx); err != nil {
		return err
	}
	t.Log.InfoContext(ctx, "set up topics and subscriptions", "project", t.Project)
	_, err = client.TopicAdminClient.CreateTopic(ctx, &pb.Topic{Name: t.marker()})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("create topic %s: %w", marker, err)
	}
	return nil
}

func (t Topics) marker() string { return "projects/" + t.Project + "/topics/" + marker }

func (t Topics) hasMarker(ctx context.Context, client *pubsub.Client) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	_, err := client.TopicAdminClient.GetTopic(ctx, &pb.GetTopicRequest{Topic: t.marker()})
	switch {
	case err == nil:
		return true, nil
	case status.Code(err) == codes.NotFound:
		return false, nil
	}
	return false, fmt.Errorf("get topic %s: %w", marker, err)
}

// republish makes the outbox functions publish recent events again. A request that published
// to the previous emulator may not have marked its events yet, so if there were any events,
// it repeats this once such requests have ended.
func (t Topics) republish(ctx context.Context) error {
	since := time.Now().Add(-lossWindow)
	events, err := t.republishAll(ctx, since)
	if err != nil || events == 0 {
		return err
	}
	settled := time.NewTimer(event.MaxPublishDelay)
	defer settled.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-settled.C:
	}
	more, err := t.republishAll(ctx, since)
	if err != nil {
		return err
	}
	t.Log.InfoContext(ctx, "recent events will be published again within a minute", "events", events+more)
	return nil
}

func (t Topics) republishAll(ctx context.Context, since time.Time) (events int64, err error) {
	for service, url := range t.Databases {
		err := withDatabase(url, func(db *database.DB) error {
			marked, err := event.Republish(ctx, db, since)
			events += marked
			return err
		})
		if err != nil {
			return events, fmt.Errorf("the outbox of %s: %w", service, err)
		}
	}
	return events, nil
}
