package pubsub

import (
	"context"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Connect returns a client of a project of the Pub/Sub emulator at host. It connects with
// the first call, and retries without end. The caller must close the client.
func Connect(ctx context.Context, host, project string) (*pubsub.Client, error) {
	client, err := pubsub.NewClient(ctx, project, option.WithEndpoint(host), option.WithoutAuthentication(),
		option.WithTelemetryDisabled(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		return nil, fmt.Errorf("connect to Pub/Sub at %s: %w", host, err)
	}
	return client, nil
}
