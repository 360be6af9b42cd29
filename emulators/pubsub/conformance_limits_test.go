package pubsub_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func attributes(n int) map[string]string {
	list := map[string]string{}
	for i := range n {
		list[fmt.Sprintf("key-%d", i)] = "value"
	}
	return list
}

// messageLimits has a message at each documented limit and one beyond it:
// https://cloud.google.com/pubsub/quotas#resource_limits
var messageLimits = map[string]struct{ within, beyond *pb.PubsubMessage }{
	"number of attributes": {&pb.PubsubMessage{Attributes: attributes(100)}, &pb.PubsubMessage{Attributes: attributes(101)}},
	"attribute key": {
		&pb.PubsubMessage{Attributes: map[string]string{strings.Repeat("k", 256): "v"}},
		&pb.PubsubMessage{Attributes: map[string]string{strings.Repeat("k", 257): "v"}},
	},
	"attribute key in bytes": {
		&pb.PubsubMessage{Attributes: map[string]string{strings.Repeat("ü", 128): "v"}},
		&pb.PubsubMessage{Attributes: map[string]string{strings.Repeat("ü", 129): "v"}},
	},
	"attribute value": {
		&pb.PubsubMessage{Attributes: map[string]string{"k": strings.Repeat("v", 1024)}},
		&pb.PubsubMessage{Attributes: map[string]string{"k": strings.Repeat("v", 1025)}},
	},
	"reserved attribute key": {
		&pb.PubsubMessage{Attributes: map[string]string{"googclient_traceparent": "v", "goo": "v", "Google": "v"}},
		&pb.PubsubMessage{Attributes: map[string]string{"google": "v"}},
	},
	"ordering key": {
		&pb.PubsubMessage{Data: []byte("x"), OrderingKey: strings.Repeat("k", 1024)},
		&pb.PubsubMessage{Data: []byte("x"), OrderingKey: strings.Repeat("k", 1025)},
	},
}

// testMessageLimits publishes a message within and one beyond each limit. The first
// arrives unchanged; the second is rejected together with the other message of its
// request.
func testMessageLimits(t *testing.T, b broker) {
	for _, name := range slices.Sorted(maps.Keys(messageLimits)) {
		limit := messageLimits[name]
		t.Run(name, func(t *testing.T) {
			topic := b.mustTopic(t)
			subscription := b.mustSubscribe(t, topic)
			b.mustPublish(t, topic, limit.within)
			got := b.mustPull(t, subscription)
			want := proto.CloneOf(limit.within)
			want.MessageId, want.PublishTime = got.GetMessage().GetMessageId(), got.GetMessage().GetPublishTime()
			if !proto.Equal(got.GetMessage(), want) {
				t.Errorf("pulled %v, want %v", got.GetMessage(), want)
			}
			b.mustAck(t, subscription, got)

			_, err := b.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{
				Topic: topic, Messages: []*pb.PubsubMessage{text("valid"), limit.beyond}})
			wantCode := codes.InvalidArgument
			if b.lacks[messagesAreUnbounded] {
				wantCode = codes.OK
			}
			if status.Code(err) != wantCode {
				t.Errorf("error = %v, want %v; known difference: %v", err, wantCode, b.lacks[messagesAreUnbounded])
			}
			if wantCode == codes.OK {
				return
			}
			last := b.mustPublish(t, topic, text("next"))
			if id := b.mustPull(t, subscription).GetMessage().GetMessageId(); id != last {
				t.Errorf("pulled %s, want %s: no message of a rejected request is published", id, last)
			}
		})
	}
}
