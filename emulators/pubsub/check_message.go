package pubsub

import (
	"strings"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Limits of https://cloud.google.com/pubsub/quotas#resource_limits, sizes in bytes.
const (
	maxPublishMessages     = 1000
	maxMessageBytes        = 10 << 20
	maxAttributes          = 100
	maxAttributeKeyBytes   = 256
	maxAttributeValueBytes = 1024
	maxOrderingKeyBytes    = 1024

	// reservedPrefix starts attribute keys that only Pub/Sub may set. Keys that start
	// with clientPrefix hold the trace context of the client libraries:
	// https://cloud.google.com/pubsub/docs/open-telemetry-tracing
	reservedPrefix = "goog"
	clientPrefix   = "googclient_"
)

func checkMessages(messages []*pb.PubsubMessage) error {
	if len(messages) == 0 || len(messages) > maxPublishMessages {
		return status.Errorf(codes.InvalidArgument, "a publish request must have 1 to %d messages, got %d", maxPublishMessages, len(messages))
	}
	for _, m := range messages {
		if err := checkMessage(m); err != nil {
			return err
		}
	}
	return nil
}

func checkMessage(m *pb.PubsubMessage) error {
	if len(m.GetData()) == 0 && len(m.GetAttributes()) == 0 {
		return status.Error(codes.InvalidArgument, "One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.")
	}
	if size := proto.Size(m); size > maxMessageBytes {
		return status.Errorf(codes.InvalidArgument, "a message has at most %d bytes, got %d", maxMessageBytes, size)
	}
	if size := len(m.GetOrderingKey()); size > maxOrderingKeyBytes {
		return status.Errorf(codes.InvalidArgument, "an ordering key has at most %d bytes, got %d", maxOrderingKeyBytes, size)
	}
	if n := len(m.GetAttributes()); n > maxAttributes {
		return status.Errorf(codes.InvalidArgument, "a message has at most %d attributes, got %d", maxAttributes, n)
	}
	for key, value := range m.GetAttributes() {
		if err := checkAttribute(key, value); err != nil {
			return err
		}
	}
	return nil
}

func checkAttribute(key, value string) error {
	switch {
	case len(key) > maxAttributeKeyBytes:
		return status.Errorf(codes.InvalidArgument, "an attribute key has at most %d bytes, got %d", maxAttributeKeyBytes, len(key))
	case len(value) > maxAttributeValueBytes:
		return status.Errorf(codes.InvalidArgument, "an attribute value has at most %d bytes, got %d for %q", maxAttributeValueBytes, len(value), key)
	case strings.HasPrefix(key, reservedPrefix) && !strings.HasPrefix(key, clientPrefix):
		return status.Errorf(codes.InvalidArgument, "attribute keys that start with %q are reserved, got %q", reservedPrefix, key)
	}
	return nil
}
