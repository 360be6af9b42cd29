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
	// marker is a topic that nobody publishes to. It is made last, so that where it
	// is, all else is; an emulator that lost it has lost everything.
	marker = "souk-set-up"

	// lostFor is how far back messages may be lost: longer than Pub/Sub goes on
	// trying to deliver one, with the delays that functions.yaml gives it.
	lostFor = 3 * time.Hour

	// keepPoll is how often to look whether the emulator has lost everything.
	keepPoll = time.Second
)

// Topics are the topics and subscriptions on an emulator that keeps nothing, as
// Google's: when it starts again they have to be made again, and what was on its
// way has to be published again.
type Topics struct {
	// Host and Project say which emulator, as for SetUpTopics.
	Host, Project string
	Topology      emulator.Topology
	// Databases are those of the services, whose outboxes have what was published.
	Databases map[string]database.URL
	Log       *slog.Logger
}

// Keep sets up the topics at once, and again whenever the emulator has lost them,
// until ctx ends. At its begin it has everything published again that was lately:
// pushes may have come while nobody passed them on, and Google's emulator does not
// come again for minutes. What it cannot do it logs, and tries again.
func (t Topics) Keep(ctx context.Context) {
	poll := time.NewTicker(keepPoll)
	defer poll.Stop()
	caughtUp := false
	for {
		err := t.SetUp(ctx)
		if err == nil && !caughtUp {
			err = t.republish(ctx)
			caughtUp = err == nil
		}
		if err != nil && ctx.Err() == nil {
			t.Log.WarnContext(ctx, "the topics are not set up: trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}

// SetUp makes the topics and subscriptions, unless the emulator has them, and has
// everything published again that was lately: an emulator without its topics
// delivers nothing of it.
func (t Topics) SetUp(ctx context.Context) (err error) {
	client, err := ConnectPubSub(ctx, t.Host, t.Project)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if there, err := t.hasMarker(ctx, client); there || err != nil {
		return err
	}
	if err := emulator.Apply(ctx, client, t.Topology); err != nil {
		return err
	}
	if err := t.republish(ctx); err != nil {
		return err
	}
	t.Log.InfoContext(ctx, "topics and subscriptions are set up", "project", t.Project)
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
	return false, fmt.Errorf("look for topic %s: %w", marker, err)
}

// republish has the outbox functions publish again what they published lately. A
// request that published to the emulator that is gone may not have marked it yet:
// so where anything was published, it looks a second time, when that is over.
func (t Topics) republish(ctx context.Context) error {
	since := time.Now().Add(-lostFor)
	events, err := t.republishAll(ctx, since)
	if err != nil || events == 0 {
		return err
	}
	settled := time.NewTimer(event.Settled)
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
	t.Log.InfoContext(ctx, "what Pub/Sub may have lost is published again within a minute", "events", events+more)
	return nil
}

func (t Topics) republishAll(ctx context.Context, since time.Time) (events int64, err error) {
	for service, url := range t.Databases {
		err := with(url, func(db *database.DB) error {
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
