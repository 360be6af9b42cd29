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
	// pollPause is how long to wait before asking again for messages.
	pollPause = 250 * time.Millisecond
	// giveBackTimeout bounds giving messages back when the look is broken off.
	giveBackTimeout = 10 * time.Second
)

// verdict is what becomes of a message that was looked at.
type verdict int

const (
	keep   verdict = iota // it stays
	remove                // it is acknowledged
	enough                // it stays, and no more are looked at
)

// look pulls all messages of a subscription, and asks what becomes of each once.
// What stays is held until the end, so that it does not come again meanwhile, and
// then given back, so that it is there for the next look at once.
func (b *Box) look(ctx context.Context, subscription string, judge func(context.Context, *pb.ReceivedMessage) (verdict, error)) (err error) {
	l := &looking{Box: b, path: b.path(subscription), judge: judge, judged: map[string]verdict{}, held: map[string]string{}}
	defer func() { err = errors.Join(err, l.giveBack(ctx)) }()
	for !l.done {
		received, err := l.pull(ctx)
		if err != nil {
			return err
		}
		if err := l.judgeAll(ctx, received); err != nil {
			return err
		}
	}
	return nil
}

// looking is one look under way.
type looking struct {
	*Box
	path  string
	judge func(context.Context, *pb.ReceivedMessage) (verdict, error)
	// judged is by message id: one whose lease ran out comes again.
	judged map[string]verdict
	// held are the acknowledgement ids of what stays, by message id.
	held map[string]string
	done bool
}

// pull returns some messages, none when there were none for as long as Wait.
func (l *looking) pull(ctx context.Context) ([]*pb.ReceivedMessage, error) {
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
// next: nobody would see them until their leases end.
func (l *looking) pullNow(ctx context.Context) ([]*pb.ReceivedMessage, error) {
	//nolint:staticcheck // Deprecated for slowing down those who pull all the time; this looks once.
	request := &pb.PullRequest{Subscription: l.path, MaxMessages: batch, ReturnImmediately: true}
	answer, err := l.Client.SubscriptionAdminClient.Pull(ctx, request)
	if status.Code(err) == codes.NotFound {
		return nil, fmt.Errorf("dead-letter subscription %s: %w", short(l.path), ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("pull from %s: %w", l.path, err)
	}
	return answer.GetReceivedMessages(), nil
}

// judgeAll decides on a batch. The look is done when nothing in it is new.
func (l *looking) judgeAll(ctx context.Context, received []*pb.ReceivedMessage) error {
	for _, m := range received {
		l.held[m.GetMessage().GetMessageId()] = m.GetAckId()
	}
	news := false
	for _, m := range received {
		id := m.GetMessage().GetMessageId()
		v, known := l.judged[id]
		if !known {
			var err error
			if v, err = l.judge(ctx, m); err != nil {
				return err
			}
			l.judged[id], news = v, true
		}
		switch v {
		case enough:
			l.done = true
			return nil
		case remove:
			if err := l.acknowledge(ctx, m); err != nil {
				return err
			}
		case keep:
		}
	}
	l.done = !news
	return nil
}

func (l *looking) acknowledge(ctx context.Context, m *pb.ReceivedMessage) error {
	err := l.Client.SubscriptionAdminClient.Acknowledge(ctx, &pb.AcknowledgeRequest{Subscription: l.path, AckIds: []string{m.GetAckId()}})
	if err != nil {
		return fmt.Errorf("remove message %s from %s: %w", m.GetMessage().GetMessageId(), short(l.path), err)
	}
	delete(l.held, m.GetMessage().GetMessageId())
	return nil
}

// giveBack ends the leases of what stays, also when the operator has left.
func (l *looking) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	var ids []string
	for _, id := range l.held {
		ids = append(ids, id)
	}
	for len(ids) > 0 {
		n := min(len(ids), batch)
		err := l.Client.SubscriptionAdminClient.ModifyAckDeadline(ctx, &pb.ModifyAckDeadlineRequest{
			Subscription: l.path, AckIds: ids[:n], AckDeadlineSeconds: 0,
		})
		if err != nil {
			return fmt.Errorf("give %d messages back to %s, where they are again in a while: %w", len(ids), short(l.path), err)
		}
		ids = ids[n:]
	}
	return nil
}
