package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"cloud.google.com/go/pubsub/v2"

	emulator "souk/emulators/pubsub"
	"souk/shared/manifest"
)

const (
	// Project is the Google Cloud project id of a local system.
	Project = "souk-local"

	// PushServiceAccount is the service account of the push tokens. In the cloud it is an
	// account that may only invoke the functions.
	PushServiceAccount = "pubsub-invoker@" + Project + ".iam.gserviceaccount.com"
)

// reachTimeout is the time in which an emulator must accept a connection.
const reachTimeout = 5 * time.Second

// SetUpTopics creates or updates the topics and subscriptions of a topology in a project of
// the Pub/Sub emulator at host.
func SetUpTopics(ctx context.Context, host, project string, topology emulator.Topology) error {
	client, err := ConnectPubSub(ctx, host, project)
	if err != nil {
		return err
	}
	return errors.Join(emulator.Apply(ctx, client, topology), client.Close())
}

// PruneTopics deletes the subscriptions of functions that are not in the manifest from a
// project of the Pub/Sub emulator at host, and returns their names.
func PruneTopics(ctx context.Context, host, project string, list *manifest.Manifest) ([]string, error) {
	client, err := ConnectPubSub(ctx, host, project)
	if err != nil {
		return nil, err
	}
	pruned, err := emulator.Prune(ctx, client, list)
	return pruned, errors.Join(err, client.Close())
}

// ConnectPubSub returns a client of a project of the Pub/Sub emulator at host, after
// checking that it listens. The caller must close the client.
func ConnectPubSub(ctx context.Context, host, project string) (*pubsub.Client, error) {
	if err := reach(ctx, host); err != nil {
		return nil, err
	}
	return emulator.Connect(ctx, host, project)
}

// reach returns an error if no server listens at host: the client itself would retry without
// end.
func reach(ctx context.Context, host string) error {
	conn, err := (&net.Dialer{Timeout: reachTimeout}).DialContext(ctx, "tcp", host)
	if err != nil {
		return advise(fmt.Errorf("reach Pub/Sub: %w", err), "Is a Pub/Sub emulator listening at %s?", host)
	}
	return conn.Close()
}
