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

// messageLimits are messages at a documented limit, and one beyond it:
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

// testMessageLimits publishes a message within and one beyond each limit. The
// first arrives unchanged; the second is refused with the message it came with.
func testMessageLimits(t *testing.T, b broker) {
	for _, name := range slices.Sorted(maps.Keys(messageLimits)) {
		limit := messageLimits[name]
		t.Run(name, func(t *testing.T) {
			topic := b.MustTopic(t)
			subscription := b.MustSubscribe(t, topic)
			b.MustPublish(t, topic, limit.within)
			got := b.MustPull(t, subscription)
			want := proto.CloneOf(limit.within)
			want.MessageId, want.PublishTime = got.GetMessage().GetMessageId(), got.GetMessage().GetPublishTime()
			if !proto.Equal(got.GetMessage(), want) {
				t.Errorf("pulled %v, want %v", got.GetMessage(), want)
			}
			b.MustAck(t, subscription, got)

			_, err := b.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{
				Topic: topic, Messages: []*pb.PubsubMessage{text("rides along"), limit.beyond}})
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
			last := b.MustPublish(t, topic, text("next"))
			if id := b.MustPull(t, subscription).GetMessage().GetMessageId(); id != last {
				t.Errorf("pulled %s, want %s: nothing of a refused request is published", id, last)
			}
		})
	}
}
