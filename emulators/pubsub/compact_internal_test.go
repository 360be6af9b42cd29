package pubsub

import (
	"fmt"
	"os"
	"strings"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// MustOpen returns a broker that keeps a journal and serves nobody.
func MustOpen(t *testing.T, dir string) *Broker {
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

// MustBeOpenAgain closes a broker's journal and replays it into another.
func MustBeOpenAgain(t *testing.T, b *Broker) *Broker {
	t.Helper()
	if err := b.closeJournal(); err != nil {
		t.Fatal(err)
	}
	return MustOpen(t, b.options.Dir)
}

// MustSetUp makes a topic with two pull subscriptions, the first with a
// dead-letter topic, which the second is on, too.
func MustSetUp(t *testing.T, b *Broker) (topicName string, s, graveyard *subscription) {
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

func MustPublishText(t *testing.T, b *Broker, topicName, text string) string {
	t.Helper()
	ids, err := b.publish(topicName, []*pb.PubsubMessage{{Data: []byte(text)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

// TestCompactionLosesNothing compacts before each single record.
func TestCompactionLosesNothing(t *testing.T) {
	t.Parallel()
	b := MustOpen(t, t.TempDir())
	topicName, s, _ := MustSetUp(t, b)
	want := map[string]bool{}
	for i := range 50 {
		b.journal.compactAt = 0
		id := MustPublishText(t, b, topicName, fmt.Sprint(i))
		want[id] = true
		if i%3 == 0 {
			b.journal.compactAt = 0
			b.settle(s, s.queue.all[id])
			delete(want, id)
		}
	}
	b.journal.compactAt = 0
	last := MustPublishText(t, b, topicName, "last")
	b.settle(s, s.queue.all[last])

	after := MustBeOpenAgain(t, b)
	got := after.subscriptions[s.config.GetName()].queue
	if got.size() != len(want) {
		t.Errorf("%d messages are left, want %d", got.size(), len(want))
	}
	for id := range want {
		if got.all[id] == nil {
			t.Errorf("message %s is lost", id)
		}
	}
	if !proto.Equal(after.subscriptions[s.config.GetName()].config, s.config) {
		t.Errorf("config after: %v, before: %v", after.subscriptions[s.config.GetName()].config, s.config)
	}
	if next := MustPublishText(t, after, topicName, "next"); compareIDs(next, last) <= 0 {
		t.Errorf("id %s was given after %s", next, last)
	}
}

func TestJournalShrinksWhenMessagesAreDone(t *testing.T) {
	t.Parallel()
	b := MustOpen(t, t.TempDir())
	topicName, s, _ := MustSetUp(t, b)
	kept := MustPublishText(t, b, topicName, "kept")
	text := strings.Repeat("x", 100_000)
	for range 200 {
		b.settle(s, s.queue.all[MustPublishText(t, b, topicName, text)])
	}
	info, err := os.Stat(b.journal.path())
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > compactFloor+1<<20 {
		t.Errorf("the journal grew to %d bytes for one message", info.Size())
	}
	if MustBeOpenAgain(t, b).subscriptions[s.config.GetName()].queue.all[kept] == nil {
		t.Error("the message that was not done is lost")
	}
}

// TestDeadLetterSurvivesARestartOnce restarts after the last failed attempt: the
// dead letter takes the place of the message.
func TestDeadLetterSurvivesARestartOnce(t *testing.T) {
	t.Parallel()
	b := MustOpen(t, t.TempDir())
	topicName, s, graveyard := MustSetUp(t, b)
	MustPublishText(t, b, topicName, "poison")
	for attempt := 1; attempt <= 5; attempt++ {
		MustFail(t, b, s, attempt)
	}
	b = MustBeOpenAgain(t, b)
	if left := b.subscriptions[s.config.GetName()].queue.size(); left != 0 {
		t.Errorf("%d messages are left at the source", left)
	}
	letters := b.subscriptions[graveyard.config.GetName()].queue.inOrder()
	if len(letters) != 1 || letters[0].message.GetAttributes()[attributeErrorMessage] != "no good" {
		t.Errorf("dead letters = %v", letters)
	}
}

// TestRestartsSpendNoAttempts fails a message in each of 20 runs, four times more
// than its policy allows in one: it is still there, and due at once.
func TestRestartsSpendNoAttempts(t *testing.T) {
	t.Parallel()
	b := MustOpen(t, t.TempDir())
	topicName, s, graveyard := MustSetUp(t, b)
	id := MustPublishText(t, b, topicName, "good")
	for range 20 {
		MustFail(t, b, s, 1)
		b = MustBeOpenAgain(t, b)
		s = b.subscriptions[s.config.GetName()]
	}
	d := s.queue.all[id]
	if d == nil || d.attempt() != 1 || d.due.After(b.now()) {
		t.Errorf("delivery = %+v, want the first attempt, due at once", d)
	}
	if n := b.subscriptions[graveyard.config.GetName()].queue.size(); n > 0 {
		t.Errorf("there are %d dead letters", n)
	}
}

// MustFail takes the next delivery, which has to be that attempt, and fails it.
func MustFail(t *testing.T, b *Broker, s *subscription, attempt int) {
	t.Helper()
	b.dispatch(s)
	d := s.queue.take(nil)
	if d == nil || d.attempt() != attempt {
		t.Fatalf("delivery = %+v, want attempt %d", d, attempt)
	}
	b.fail(s, d, "no good")
}

// TestDeadLetterTopicThatIsGone keeps the message where it is.
func TestDeadLetterTopicThatIsGone(t *testing.T) {
	t.Parallel()
	b := MustOpen(t, t.TempDir())
	topicName, s, _ := MustSetUp(t, b)
	MustPublishText(t, b, topicName, "poison")
	b.removeTopic(s.config.GetDeadLetterPolicy().GetDeadLetterTopic())
	for range 7 {
		b.dispatch(s)
		d := s.queue.take(nil)
		if d == nil {
			t.Fatal("the message is gone")
		}
		b.fail(s, d, "no good")
	}
}
