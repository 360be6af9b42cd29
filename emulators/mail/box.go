package mail

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"souk/shared/mail/catch"
)

// Limits of a box in messages and bytes. Older messages are deleted: the box is only for
// reading recent mail.
const (
	maxLetters = 1000
	maxBytes   = 64 << 20
)

// message is a mail in the box.
type message struct {
	ID         int64     `json:"id"`
	From       string    `json:"from"`
	To         []string  `json:"to"`
	Subject    string    `json:"subject"`
	MessageID  string    `json:"messageId"`
	ReceivedAt time.Time `json:"receivedAt"`
	Size       int       `json:"size"`

	letter catch.Letter
	// unread is set until read.
	unread bool
}

// read parses the mail. Most mails are deleted before anything shows them, and parsing is
// most of the work of receiving one.
func (m *message) read() {
	if !m.unread {
		return
	}
	m.unread = false
	m.letter = catch.Read(m.letter.Source)
	m.Subject, m.MessageID = m.letter.Subject, m.letter.MessageID
}

type box struct {
	mu       sync.Mutex
	messages []*message // oldest first
	size     int
	last     int64
	// changed is closed and replaced with every change.
	changed chan struct{}
	closed  bool
}

func newBox() *box { return &box{changed: make(chan struct{})} }

// put adds a mail, of which only the envelope and the source are read.
func (b *box) put(letter catch.Letter, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	b.size += len(letter.Source)
	b.messages = append(b.messages, &message{
		ID: b.last, From: letter.From, To: letter.To, ReceivedAt: at, Size: len(letter.Source), letter: letter, unread: true,
	})
	for len(b.messages) > maxLetters || b.size > maxBytes {
		b.size -= b.messages[0].Size
		b.messages[0] = nil
		b.messages = b.messages[1:]
	}
	b.notify()
}

// notify wakes waiting readers. The caller must hold mu.
func (b *box) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *box) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages, b.size = nil, 0
	b.notify()
}

func (b *box) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.notify()
}

func (b *box) get(id int64) (message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.messages, func(m *message) bool { return m.ID == id })
	if i < 0 {
		return message{}, false
	}
	b.messages[i].read()
	return *b.messages[i], true
}

// filter selects messages. A zero field matches all.
type filter struct {
	to      string
	subject string // a substring
	after   int64
}

func (f filter) matches(m *message) bool {
	isRecipient := func(address string) bool { return strings.EqualFold(address, f.to) }
	if m.ID <= f.after || f.to != "" && !slices.ContainsFunc(m.To, isRecipient) {
		return false
	}
	m.read()
	return strings.Contains(strings.ToLower(m.Subject), strings.ToLower(f.subject))
}

// list returns the matching messages, newest first. Without any, it waits for one until
// ctx is done or the box is closed.
func (b *box) list(ctx context.Context, f filter) []message {
	for {
		found, changed, final := b.find(f)
		if len(found) > 0 || final {
			return found
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found
		}
	}
}

func (b *box) find(f filter) (found []message, changed <-chan struct{}, final bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found = []message{}
	for _, m := range slices.Backward(b.messages) {
		if f.matches(m) {
			found = append(found, *m)
		}
	}
	return found, b.changed, b.closed
}
