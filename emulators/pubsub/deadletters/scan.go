package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// batch is the most messages of one pull, which the broker may undercut.
	batch = 100
	// pollPause is the pause between two pulls.
	pollPause = 250 * time.Millisecond
	// releaseTimeout bounds returning messages when the scan is canceled.
	releaseTimeout = 10 * time.Second
)

// outcome is what happens to a message that was scanned.
type outcome int

const (
	retain outcome = iota // it stays
	remove                // it is acknowledged
	enough                // it stays, and the scan ends
)

// scan pulls all messages of a subscription and calls decide once for each. Messages
// that stay are leased until the end, so that they are not delivered again meanwhile,
// and then released, so that the next scan gets them at once.
func (b *Box) scan(ctx context.Context, subscription string, decide func(context.Context, *pb.ReceivedMessage) (outcome, error)) (err error) {
	l := &scan{Box: b, path: b.path(subscription), decide: decide, decided: map[string]outcome{}, leases: map[string]string{}}
	defer func() { err = errors.Join(err, l.release(ctx)) }()
	for !l.done {
		received, err := l.pull(ctx)
		if err != nil {
			return err
		}
		if err := l.decideAll(ctx, received); err != nil {
			return err
		}
	}
	return nil
}

// scan is one scan of a subscription.
type scan struct {
	*Box
	path   string
	decide func(context.Context, *pb.ReceivedMessage) (outcome, error)
	// decided is by message id: a message whose lease ran out comes again.
	decided map[string]outcome
	// leases are the acknowledgement ids of the messages that stay, by message id.
	leases map[string]string
	done   bool
}

// pull returns some messages, none when there were none for as long as Wait.
func (l *scan) pull(ctx context.Context) ([]*pb.ReceivedMessage, error) {
	for waited := time.Duration(0); ; waited += pollPause {
		received, err := l.pullNow(ctx)
		if err != nil || len(received) > 0 || waited >= l.Wait {
			return received, err
		}
		pause := time.NewTimer(pollPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, fmt.Errorf("pull from %s: %w", l.path, ctx.Err())
		}
	}
}

// pullNow does not let the broker wait for messages. A pull that waits and is then
// cancelled can be handed messages all the same, such as those that are given back
// next: they would be invisible until their leases end.
func (l *scan) pullNow(ctx context.Context) ([]*pb.ReceivedMessage, error) {
	//nolint:staticcheck // Deprecated for slowing down those who pull all the time; this scans once.
	request := &pb.PullRequest{Subscription: l.path, MaxMessages: batch, ReturnImmediately: true}
	response, err := l.Client.SubscriptionAdminClient.Pull(ctx, request)
	if status.Code(err) == codes.NotFound {
		return nil, fmt.Errorf("dead-letter subscription %s: %w", short(l.path), ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("pull from %s: %w", l.path, err)
	}
	return response.GetReceivedMessages(), nil
}

// decideAll decides on a batch. The scan is done when the batch has no new message.
func (l *scan) decideAll(ctx context.Context, received []*pb.ReceivedMessage) error {
	for _, m := range received {
		l.leases[m.GetMessage().GetMessageId()] = m.GetAckId()
	}
	news := false
	for _, m := range received {
		id := m.GetMessage().GetMessageId()
		v, known := l.decided[id]
		if !known {
			var err error
			if v, err = l.decide(ctx, m); err != nil {
				return err
			}
			l.decided[id], news = v, true
		}
		switch v {
		case enough:
			l.done = true
			return nil
		case remove:
			if err := l.acknowledge(ctx, m); err != nil {
				return err
			}
		case retain:
		}
	}
	l.done = !news
	return nil
}

func (l *scan) acknowledge(ctx context.Context, m *pb.ReceivedMessage) error {
	err := l.Client.SubscriptionAdminClient.Acknowledge(ctx, &pb.AcknowledgeRequest{Subscription: l.path, AckIds: []string{m.GetAckId()}})
	if err != nil {
		return fmt.Errorf("remove message %s from %s: %w", m.GetMessage().GetMessageId(), short(l.path), err)
	}
	delete(l.leases, m.GetMessage().GetMessageId())
	return nil
}

// release ends the leases of the messages that stay, also when ctx is canceled.
func (l *scan) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	var ids []string
	for _, id := range l.leases {
		ids = append(ids, id)
	}
	for len(ids) > 0 {
		n := min(len(ids), batch)
		err := l.Client.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pb.ModifyAckDeadlineRequest{
			Subscription: l.path, AckIds: ids[:n], AckDeadlineSeconds: 0,
		})
		if err != nil {
			return fmt.Errorf("release %d messages of %s, which reappear when their leases end: %w", len(ids), short(l.path), err)
		}
		ids = ids[n:]
	}
	return nil
}
