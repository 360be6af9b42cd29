package pubsub_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"souk/emulators/pubsub"
)

// BenchmarkPublishToPush measures the time from the call of Publish to the arrival of
// the push, one message at a time.
func BenchmarkPublishToPush(b *testing.B) {
	for name, dir := range map[string]string{"memory": "", "journal": b.TempDir()} {
		b.Run(name, func(b *testing.B) { benchmarkPublishToPush(b, dir) })
	}
}

func benchmarkPublishToPush(b *testing.B, dir string) {
	broker, err := pubsub.Start(b.Context(), pubsub.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	arrived := make(chan time.Time, 1)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- time.Now() }))
	c, err := client.NewClient(b.Context(), project, option.WithEndpoint(broker.Addr()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		b.Fatal(err)
	}
	topic := "projects/" + project + "/topics/bench"
	if _, err := c.TopicAdminClient.CreateTopic(b.Context(), &pb.Topic{Name: topic}); err != nil {
		b.Fatal(err)
	}
	_, err = c.SubscriptionAdminClient.CreateSubscription(b.Context(), &pb.Subscription{
		Name: "projects/" + project + "/subscriptions/bench", Topic: topic, PushConfig: &pb.PushConfig{PushEndpoint: server.URL}})
	if err != nil {
		b.Fatal(err)
	}
	var total time.Duration
	for b.Loop() {
		start := time.Now()
		_, err := c.TopicAdminClient.Publish(b.Context(), &pb.PublishRequest{Topic: topic, Messages: []*pb.PubsubMessage{text("x")}})
		if err != nil {
			b.Fatal(err)
		}
		total += (<-arrived).Sub(start)
	}
	b.ReportMetric(float64(total.Microseconds())/float64(b.N), "µs/push")
	server.Close()
	if err := broker.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}
