package pubsub

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Attributes that Pub/Sub adds to a message it forwards to a dead-letter topic:
// https://cloud.google.com/pubsub/docs/dead-letter-topics
const (
	// AttributeDeliveryCount is the number of deliveries.
	AttributeDeliveryCount       = "CloudPubSubDeadLetterSourceDeliveryCount"
	attributeSubscription        = "CloudPubSubDeadLetterSourceSubscription"
	attributeSubscriptionProject = "CloudPubSubDeadLetterSourceSubscriptionProject"
	attributePublishTime         = "CloudPubSubDeadLetterSourceTopicPublishTime"
	// AttributeErrorMessage is the reason of the last failure. Pub/Sub documents it
	// for export subscriptions; here, every subscription sets it.
	AttributeErrorMessage = "CloudPubSubDeadLetterSourceDeliveryErrorMessage"

	// deadLetterTime is Pub/Sub's format for the publish time of the original.
	deadLetterTime = "2006-01-02T15:04:05.000-07:00"

	defaultMaxAttempts = 5
)

// exhausted reports whether a delivery has failed as often as its policy allows.
func (s *subscription) exhausted(d *delivery) bool {
	policy := s.config.GetDeadLetterPolicy()
	if policy == nil {
		return false
	}
	allowed := int(policy.GetMaxDeliveryAttempts())
	if allowed == 0 {
		allowed = defaultMaxAttempts
	}
	return d.failures >= allowed
}

// deadLetter publishes a delivery's message to the dead-letter topic and settles the
// delivery.
func (b *Broker) deadLetter(s *subscription, d *delivery, reason string) error {
	topicName := s.config.GetDeadLetterPolicy().GetDeadLetterTopic()
	letter := &pb.PubsubMessage{
		Data:        d.message.GetData(),
		OrderingKey: d.message.GetOrderingKey(),
		Attributes:  deadLetterAttributes(s.config.GetName(), d, reason),
	}
	if len(b.subscriberNames(topicName, letter)) == 0 {
		b.log.Error("a dead-letter topic has no subscription: its messages are lost", "topic", topicName)
	}
	settles := &settledRecord{Subscription: s.config.GetName(), IDs: []string{d.message.GetMessageId()}}
	if _, err := b.publish(topicName, []*pb.PubsubMessage{letter}, settles); err != nil {
		return err
	}
	s.counters.deadLettered++
	// settle writes a second record, which includes the deliveries acknowledged behind it in its lane.
	b.settle(s, d)
	return nil
}

func deadLetterAttributes(subscriptionName string, d *delivery, reason string) map[string]string {
	attributes := maps.Clone(d.message.GetAttributes())
	if attributes == nil {
		attributes = map[string]string{}
	}
	project, short := splitName(subscriptionName)
	attributes[AttributeDeliveryCount] = strconv.Itoa(d.failures)
	attributes[attributeSubscription] = short
	attributes[attributeSubscriptionProject] = project
	attributes[attributePublishTime] = d.message.GetPublishTime().AsTime().Format(deadLetterTime)
	attributes[AttributeErrorMessage] = reason
	return attributes
}

// splitName splits "projects/p/subscriptions/s". Names are checked on creation.
func splitName(name string) (project, short string) {
	parts := strings.SplitN(name, "/", 4)
	return parts[1], parts[3]
}

func topicPath(project, topic string) string {
	return fmt.Sprintf("projects/%s/topics/%s", project, topic)
}

func subscriptionPath(project, subscription string) string {
	return fmt.Sprintf("projects/%s/subscriptions/%s", project, subscription)
}
