package pubsub

import (
	"errors"
	"strings"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"souk/shared/telemetry"
)

// errNack is the error of a push without an acknowledgement.
var errNack = errors.New("not acknowledged")

// tracedPost is post with a span in the trace of the message, if that is sampled.
func (p *pusher) tracedPost(config *pb.Subscription, m *pb.PubsubMessage, attempt int) outcome {
	traceparent := m.GetAttributes()[telemetry.TraceparentKey]
	if p.tracer == nil || traceparent == "" {
		return p.post(p.ctx, config, m, attempt)
	}
	subscription := config.GetName()[strings.LastIndexByte(config.GetName(), '/')+1:]
	ctx, span := p.tracer.Follow(p.ctx, traceparent, "push "+subscription, trace.SpanKindClient,
		semconv.MessagingSystemGCPPubSub, semconv.MessagingDestinationSubscriptionName(subscription),
		semconv.MessagingMessageID(m.GetMessageId()), semconv.MessagingGCPPubSubMessageDeliveryAttempt(attempt))
	result := p.post(ctx, config, m, attempt)
	if result.acknowledged {
		span.End(nil)
	} else {
		span.End(errNack)
	}
	return result
}
