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
	// Most of these tests wait for a deadline or a backoff and use little CPU.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	google.stop()
	if code == 0 {
		err := goleak.Find(goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
			// The client's goroutine ends with its next tick, up to 30 s after the stream.
			goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// bench is a client of a broker with shortcuts for tests.
type bench struct {
	*client.Client
	numbers atomic.Int64
}

// mustStart starts an embedded broker, which is closed when the test ends.
func mustStart(t *testing.T, options pubsub.Options) *pubsub.Broker {
	t.Helper()
	b, err := pubsub.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, b) })
	return b
}

// mustClose closes a broker within waitLimit.
func mustClose(t *testing.T, b *pubsub.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("close the broker: %v", err)
	}
}

// mustIssuer returns a new issuer of push tokens.
func mustIssuer(t *testing.T) *identity.Issuer {
	t.Helper()
	issuer, err := identity.New(identity.Options{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// mustConnect returns a client of the broker at addr.
func mustConnect(t *testing.T, addr string) *bench {
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

// unfit matches the characters that test names may have and resource ids may not.
var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// name returns a resource id that is unique to the test.
func (b *bench) name(t *testing.T) string {
	t.Helper()
	base := unfit.ReplaceAllString(strings.ToLower(t.Name()), "-")
	return fmt.Sprintf("t%s-%d", base[max(0, len(base)-100):], b.numbers.Add(1))
}

// mustTopic creates a topic and returns its full name.
func (b *bench) mustTopic(t *testing.T) string {
	t.Helper()
	name := "projects/" + project + "/topics/" + b.name(t)
	if _, err := b.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: name}); err != nil {
		t.Fatalf("create topic: %v", err)
	}
	return name
}

// mustSubscribe creates a subscription to a topic and returns its full name.
func (b *bench) mustSubscribe(t *testing.T, topic string, settings ...func(*pb.Subscription)) string {
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

// mustPublish publishes one message and returns its id.
func (b *bench) mustPublish(t *testing.T, topic string, m *pb.PubsubMessage) string {
	t.Helper()
	return b.mustPublishAll(t, topic, m)[0]
}

// mustPublishAll publishes messages in one request.
func (b *bench) mustPublishAll(t *testing.T, topic string, messages ...*pb.PubsubMessage) []string {
	t.Helper()
	response, err := b.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{Topic: topic, Messages: messages})
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	return response.GetMessageIds()
}

// mustPull waits for the next message of a pull subscription without acknowledging it.
func (b *bench) mustPull(t *testing.T, subscription string) *pb.ReceivedMessage {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	for time.Now().Before(deadline) {
		response, err := b.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{Subscription: subscription, MaxMessages: 1})
		if err != nil {
			t.Fatalf("pull: %v", err)
		}
		if len(response.GetReceivedMessages()) > 0 {
			return response.GetReceivedMessages()[0]
		}
	}
	t.Fatalf("no message on %s", subscription)
	return nil
}

// mustAck acknowledges a pulled message.
func (b *bench) mustAck(t *testing.T, subscription string, m *pb.ReceivedMessage) {
	t.Helper()
	err := b.SubscriptionAdminClient.Acknowledge(t.Context(), &pb.AcknowledgeRequest{Subscription: subscription, AckIds: []string{m.GetAckId()}})
	if err != nil {
		t.Fatalf("acknowledge: %v", err)
	}
}

func text(s string) *pb.PubsubMessage { return &pb.PubsubMessage{Data: []byte(s)} }
