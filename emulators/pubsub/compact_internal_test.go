package pubsub

import (
	"fmt"
	"os"
	"strings"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// mustOpen returns a broker with a journal and without a server.
func mustOpen(t *testing.T, dir string) *Broker {
	t.Helper()
	b := newBroker(Options{Dir: dir})
	if err := b.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.closeJournal(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// mustReopen closes a broker's journal and replays it into another broker.
func mustReopen(t *testing.T, b *Broker) *Broker {
	t.Helper()
	if err := b.closeJournal(); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, b.options.Dir)
}

// mustSetUp creates a topic with two pull subscriptions. The first has a dead-letter
// topic, to which the second is subscribed, too.
func mustSetUp(t *testing.T, b *Broker) (topicName string, s, graveyard *subscription) {
	t.Helper()
	for _, name := range []string{"topic", "dead"} {
		if _, err := b.saveTopic(&pb.Topic{Name: topicPath("p", name)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, config := range []*pb.Subscription{
		{Name: subscriptionPath("p", "source"), Topic: topicPath("p", "topic"), DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: topicPath("p", "dead"), MaxDeliveryAttempts: 5}},
		{Name: subscriptionPath("p", "graveyard"), Topic: topicPath("p", "dead")},
	} {
		if _, err := b.saveSubscription(config); err != nil {
			t.Fatal(err)
		}
	}
	return topicPath("p", "topic"), b.subscriptions[subscriptionPath("p", "source")], b.subscriptions[subscriptionPath("p", "graveyard")]
}

func mustPublishText(t *testing.T, b *Broker, topicName, text string) string {
	t.Helper()
	ids, err := b.publish(topicName, []*pb.PubsubMessage{{Data: []byte(text)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

// TestCompactionLosesNothing compacts before each record.
func TestCompactionLosesNothing(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, t.TempDir())
	topicName, s, _ := mustSetUp(t, b)
	want := map[string]bool{}
	for i := range 50 {
		b.journal.compactAt = 0
		id := mustPublishText(t, b, topicName, fmt.Sprint(i))
		want[id] = true
		if i%3 == 0 {
			b.journal.compactAt = 0
			b.settle(s, s.queue.all[id])
			delete(want, id)
		}
	}
	b.journal.compactAt = 0
	last := mustPublishText(t, b, topicName, "last")
	b.settle(s, s.queue.all[last])

	after := mustReopen(t, b)
	got := after.subscriptions[s.config.GetName()].queue
	if got.size() != len(want) {
		t.Errorf("the queue has %d messages, want %d", got.size(), len(want))
	}
	for id := range want {
		if got.all[id] == nil {
			t.Errorf("message %s is lost", id)
		}
	}
	if !proto.Equal(after.subscriptions[s.config.GetName()].config, s.config) {
		t.Errorf("config after: %v, before: %v", after.subscriptions[s.config.GetName()].config, s.config)
	}
	if next := mustPublishText(t, after, topicName, "next"); compareIDs(next, last) <= 0 {
		t.Errorf("id %s was issued after %s", next, last)
	}
}

func TestJournalShrinksWhenMessagesAreDone(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, t.TempDir())
	topicName, s, _ := mustSetUp(t, b)
	stored := mustPublishText(t, b, topicName, "stored")
	text := strings.Repeat("x", 100_000)
	for range 200 {
		b.settle(s, s.queue.all[mustPublishText(t, b, topicName, text)])
	}
	info, err := os.Stat(b.journal.path())
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > compactFloor+1<<20 {
		t.Errorf("the journal grew to %d bytes for one message", info.Size())
	}
	if mustReopen(t, b).subscriptions[s.config.GetName()].queue.all[stored] == nil {
		t.Error("the message that was not done is lost")
	}
}

// TestDeadLetterSurvivesARestartOnce restarts after the last failed attempt: the dead
// letter has replaced the message.
func TestDeadLetterSurvivesARestartOnce(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, t.TempDir())
	topicName, s, graveyard := mustSetUp(t, b)
	mustPublishText(t, b, topicName, "poison")
	for attempt := 1; attempt <= 5; attempt++ {
		mustFail(t, b, s, attempt)
	}
	b = mustReopen(t, b)
	if n := b.subscriptions[s.config.GetName()].queue.size(); n != 0 {
		t.Errorf("the source has %d messages, want none", n)
	}
	letters := b.subscriptions[graveyard.config.GetName()].queue.inOrder()
	if len(letters) != 1 || letters[0].message.GetAttributes()[AttributeErrorMessage] != "no good" {
		t.Errorf("dead letters = %v", letters)
	}
}

// TestRestartsSpendNoAttempts fails a message in each of 20 runs, four times more than
// its policy allows in one run: it is still queued, and due at once.
func TestRestartsSpendNoAttempts(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, t.TempDir())
	topicName, s, graveyard := mustSetUp(t, b)
	id := mustPublishText(t, b, topicName, "good")
	for range 20 {
		mustFail(t, b, s, 1)
		b = mustReopen(t, b)
		s = b.subscriptions[s.config.GetName()]
	}
	d := s.queue.all[id]
	if d == nil || d.attempt() != 1 || d.due.After(b.now()) {
		t.Errorf("delivery = %+v, want the first attempt, due at once", d)
	}
	if n := b.subscriptions[graveyard.config.GetName()].queue.size(); n > 0 {
		t.Errorf("%d dead letters, want none", n)
	}
}

// mustFail hands out the next delivery, which must have that attempt number, and fails it.
func mustFail(t *testing.T, b *Broker, s *subscription, attempt int) {
	t.Helper()
	b.dispatch(s)
	d := s.queue.take(nil)
	if d == nil || d.attempt() != attempt {
		t.Fatalf("delivery = %+v, want attempt %d", d, attempt)
	}
	b.fail(s, d, "no good")
}

// TestMissingDeadLetterTopic checks that the message stays in its queue.
func TestMissingDeadLetterTopic(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, t.TempDir())
	topicName, s, _ := mustSetUp(t, b)
	mustPublishText(t, b, topicName, "poison")
	b.removeTopic(s.config.GetDeadLetterPolicy().GetDeadLetterTopic())
	for range 7 {
		b.dispatch(s)
		d := s.queue.take(nil)
		if d == nil {
			t.Fatal("the message is lost")
		}
		b.fail(s, d, "no good")
	}
}
