package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"souk/emulators/console/messages"
	"souk/emulators/pubsub"
)

const (
	testTopic   = "stock-reserved"
	testSource  = "order-confirm.stock-reserved"
	testLetters = testSource + ".dead-letter"
)

// newMessages returns a broker with a dead letter, and a source of its messages.
func newMessages(t *testing.T) (*pubsub.Broker, *messages.Source) {
	t.Helper()
	broker, err := pubsub.Start(t.Context(), pubsub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	client, err := pubsub.Connect(t.Context(), broker.Addr(), "p")
	if err != nil {
		t.Fatal(err)
	}
	var errs []error
	for _, name := range []string{testTopic, testLetters} {
		_, err := client.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: "projects/p/topics/" + name})
		errs = append(errs, err)
	}
	for name, policy := range map[string]*pb.DeadLetterPolicy{testSource: {DeadLetterTopic: "projects/p/topics/" + testLetters, MaxDeliveryAttempts: 5}, testLetters: nil} {
		_, topic, _ := strings.Cut(name, "order-confirm.")
		if name == testLetters {
			topic = testLetters
		}
		_, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pb.Subscription{
			Name: "projects/p/subscriptions/" + name, Topic: "projects/p/topics/" + topic, DeadLetterPolicy: policy,
		})
		errs = append(errs, err)
	}
	if err := errors.Join(append(errs, client.Close())...); err != nil {
		t.Fatal(err)
	}
	source := messages.New(messages.Options{Host: broker.Addr(), Project: "p", Embedded: func() *pubsub.Broker { return broker }})
	_, err = source.Publish(t.Context(), messages.Draft{Topic: testLetters, Data: `{"a":"<b>"}`, Envelope: true, Attributes: map[string]string{
		"type": testTopic, "aggregateType": "order", "aggregateId": testOrder,
		pubsub.AttributeDeliveryCount: "100", pubsub.AttributeErrorMessage: "the push endpoint responded with 500",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return broker, source
}

func TestPubSubPage(t *testing.T) {
	t.Parallel()
	broker, source := newMessages(t)
	_, base := newConsole(t, func(o *Options) { o.Messages, o.Topics = source, broker.Stats })
	letters := mustGet(t, base, "/pubsub?subscription="+testLetters)
	t.Run("subscriptions are listed with their dead letters", func(t *testing.T) {
		requireTexts(t, mustGet(t, base, "/pubsub"), testSource, `<dd class="bad">1</dd>`, "/pubsub?subscription="+testLetters, "without >"+testLetters+"<")
	})
	t.Run("a dead letter is shown with its reason, order and data", func(t *testing.T) {
		requireTexts(t, letters, "failed 100 times", "the push endpoint responded with 500", "/orders?id="+testOrder, "&lt;b&gt;", "without <b>\"",
			"without CloudPubSub", "Replay all")
	})
	_, after, _ := strings.Cut(letters, `name="id" value="`)
	id, _, _ := strings.Cut(after, `"`)
	for _, test := range []struct {
		name, action string
		form         url.Values
		want         int
	}{
		{"a message with invalid attributes is refused", "publish", url.Values{"topic": {testTopic}, "data": {"{}"}, "attributes": {"nothing"}}, http.StatusBadRequest},
		{"an event whose data is no JSON is refused", "publish", url.Values{"topic": {testTopic}, "data": {"{"}, "envelope": {"on"}}, http.StatusBadRequest},
		{"a message for a topic that does not exist is refused", "publish", url.Values{"topic": {"missing"}, "data": {"{}"}}, http.StatusBadRequest},
		{"a message is published", "publish", url.Values{"topic": {testTopic}, "data": {"{}"}, "attributes": {"a=b"}, "envelope": {"on"}}, http.StatusOK},
		{"messages that are not dead letters are not discarded", "discard", url.Values{"subscription": {testSource}, "all": {"on"}}, http.StatusBadRequest},
		{"an action without messages is refused", "replay", url.Values{"subscription": {testLetters}}, http.StatusBadRequest},
		{"a dead letter is replayed", "replay", url.Values{"subscription": {testLetters}, "id": {id}}, http.StatusOK},
		{"a dead letter that was replayed is missing", "discard", url.Values{"subscription": {testLetters}, "id": {id}}, http.StatusBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := (call{method: http.MethodPost, path: "/actions/pubsub/" + test.action, trusted: true, form: test.form}).send(t, base); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
	t.Run("what was published and replayed is in the subscription", func(t *testing.T) {
		page := mustGet(t, base, "/pubsub?subscription="+testSource)
		requireTexts(t, page, "Unacknowledged messages", ">2</span>", "<dt>a</dt><dd>b</dd>", testOrder)
	})
	t.Run("a subscription that does not exist is explained", func(t *testing.T) {
		requireTexts(t, mustGet(t, base, "/pubsub?subscription=missing"), "Messages cannot be read", "not found")
	})
	t.Run("a system without a broker says so", func(t *testing.T) {
		_, base := newConsole(t, nil)
		requireTexts(t, mustGet(t, base, "/pubsub"), "no Pub/Sub broker")
	})
}
