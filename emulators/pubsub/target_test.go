package pubsub_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/goleak"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"souk/emulators/identity"
	"souk/emulators/pubsub"
)

const project = "souk-conformance"

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of these tests wait for a deadline or a backoff, not for a processor.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	google.stop()
	if code == 0 {
		err := goleak.Find(goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
			// The client's, which ends with its next tick, up to 30 s after the stream.
			goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// bench is a client of some broker, with short ways to do what tests do often.
type bench struct {
	*client.Client
	numbers atomic.Int64
}

// MustStart starts an embedded broker that is closed with the test.
func MustStart(t *testing.T, options pubsub.Options) *pubsub.Broker {
	t.Helper()
	b, err := pubsub.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { MustClose(t, b) })
	return b
}

// MustClose stops a broker within a bounded time.
func MustClose(t *testing.T, b *pubsub.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("close the broker: %v", err)
	}
}

// MustIssuer makes the issuer of push tokens.
func MustIssuer(t *testing.T) *identity.Issuer {
	t.Helper()
	issuer, err := identity.New(identity.Options{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// MustConnect returns a client of the broker at addr.
func MustConnect(t *testing.T, addr string) *bench {
	t.Helper()
	c, err := client.NewClient(t.Context(), project,
		option.WithEndpoint(addr),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatalf("connect to %s: %v", addr, err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return &bench{Client: c}
}

// unfit is what can't stand in a resource id.
var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// name returns a resource id that no other test uses.
func (b *bench) name(t *testing.T) string {
	t.Helper()
	base := unfit.ReplaceAllString(strings.ToLower(t.Name()), "-")
	return fmt.Sprintf("t%s-%d", base[max(0, len(base)-100):], b.numbers.Add(1))
}

// MustTopic makes a topic and returns its full name.
func (b *bench) MustTopic(t *testing.T) string {
	t.Helper()
	name := "projects/" + project + "/topics/" + b.name(t)
	if _, err := b.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: name}); err != nil {
		t.Fatalf("create topic: %v", err)
	}
	return name
}

// MustSubscribe makes a subscription to a topic and returns its full name.
func (b *bench) MustSubscribe(t *testing.T, topic string, settings ...func(*pb.Subscription)) string {
	t.Helper()
	s := &pb.Subscription{Name: "projects/" + project + "/subscriptions/" + b.name(t), Topic: topic}
	for _, set := range settings {
		set(s)
	}
	if _, err := b.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
		t.Fatalf("create subscription: %v", err)
	}
	return s.GetName()
}

func pushTo(e *endpoint) func(*pb.Subscription) {
	return func(s *pb.Subscription) { s.PushConfig = &pb.PushConfig{PushEndpoint: e.URL} }
}

// MustPublish publishes one message and returns its id.
func (b *bench) MustPublish(t *testing.T, topic string, m *pb.PubsubMessage) string {
	t.Helper()
	return b.MustPublishAll(t, topic, m)[0]
}

// MustPublishAll publishes messages in one request.
func (b *bench) MustPublishAll(t *testing.T, topic string, messages ...*pb.PubsubMessage) []string {
	t.Helper()
	response, err := b.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{Topic: topic, Messages: messages})
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	return response.GetMessageIds()
}

// MustPull waits for the next message of a pull subscription and does not
// acknowledge it.
func (b *bench) MustPull(t *testing.T, subscription string) *pb.ReceivedMessage {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		response, err := b.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{Subscription: subscription, MaxMessages: 1})
		if err != nil {
			t.Fatalf("pull: %v", err)
		}
		if len(response.GetReceivedMessages()) > 0 {
			return response.GetReceivedMessages()[0]
		}
	}
	t.Fatalf("nothing came to %s", subscription)
	return nil
}

// MustAck acknowledges a pulled message.
func (b *bench) MustAck(t *testing.T, subscription string, m *pb.ReceivedMessage) {
	t.Helper()
	err := b.SubscriptionAdminClient.Acknowledge(t.Context(), &pb.AcknowledgeRequest{Subscription: subscription, AckIds: []string{m.GetAckId()}})
	if err != nil {
		t.Fatalf("acknowledge: %v", err)
	}
}

func text(s string) *pb.PubsubMessage { return &pb.PubsubMessage{Data: []byte(s)} }
