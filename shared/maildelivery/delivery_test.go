package maildelivery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/batch/batchtest"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/function"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.NewPlanChecker(m, nil, event.Migrations, table()),
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// table returns the migration of a service that creates the table of this package.
func table() database.Migrations {
	text, err := os.ReadFile("../../functions/user/migrations/00022_mail_delivery.sql")
	if err != nil {
		panic(err)
	}
	return database.Migrations{Name: "mail", FS: fstest.MapFS{"00001_mail_delivery.sql": {Data: text}}}
}

func mustExec(t *testing.T, db *database.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.SQL().ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// TestMailsInBatches checks that mails are claimed and recorded in batches as one by one, in every order
// of arrival: new events, repeated ones, those whose mail was sent, is to be recorded, or was left by a
// process that died, and those without a mail.
func TestMailsInBatches(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, event.Migrations, table())
	d := New(function.NewRuntime(function.Options{DB: db}), "user-notify", &Mailer{}, OneByOne(func(_ context.Context, _ *database.Tx, m *Message[string]) (Mail, error) {
		return Mail{Kind: m.Payload, To: Recipient{Name: m.Payload, Email: "ada@example.com"}}, nil
	}))
	now := time.Now().UTC()
	added, sent, left, without, begun := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	mustExec(t, db, `INSERT INTO inbox (consumer, event_id, received_at) VALUES ('user-notify', ?, ?)`, sent[:], now)
	mustExec(t, db, `INSERT INTO mail_delivery (consumer, event_id, attempts, claimed_until) VALUES ('user-notify', ?, 1, ?)`, left[:], now.Add(-time.Hour))
	mustExec(t, db, `INSERT INTO mail_delivery (consumer, event_id, attempts, claimed_until) VALUES ('user-notify', ?, 1, ?)`, begun[:], now.Add(time.Hour))
	state := func(ctx context.Context, tx *database.Tx, messages []*Message[string]) (any, error) {
		results := []string{}
		for _, m := range messages {
			results = append(results, fmt.Sprint(m.First, m.Mail.To, errors.Is(m.err, errSent), errors.Is(m.err, errClaimed)))
		}
		rows, err := database.Collect(ctx, tx, database.ScanColumn[string], `
			SELECT CONCAT_WS(' ', 'delivery', HEX(event_id), attempts, claimed_until > ?) FROM mail_delivery
			UNION ALL SELECT CONCAT_WS(' ', 'inbox', HEX(event_id), '', '') FROM inbox
			ORDER BY 1`, now)
		return [][]string{results, rows}, err
	}
	for _, ids := range [][]uuid.UUID{{added, added, sent, left, without}, {added, begun, left, without}} {
		newMessages := func() (messages []*Message[string]) {
			for _, id := range ids {
				m := &Message[string]{Event: event.Event{ID: id, Type: "order-confirmed"}, Payload: "order", sent: id == begun}
				if id == without {
					m.Payload = "" // no mail
				}
				messages = append(messages, m)
			}
			return messages
		}
		batchtest.CheckEquivalent(t, db, newMessages, d.advance, state)
	}
}

// TestFailedMail checks that a failed attempt ends its claim, so that the next one begins at once and
// is counted, and that the delivery of a mail that was never sent is deleted in the end.
func TestFailedMail(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, event.Migrations, table())
	runtime := function.NewRuntime(function.Options{DB: db})
	d := New(runtime, "user-notify", &Mailer{}, OneByOne(func(context.Context, *database.Tx, *Message[string]) (Mail, error) {
		return Mail{Kind: "unknown", To: Recipient{Email: "ada@example.com"}}, nil // there is no template
	}))
	e := event.Event{ID: uuid.New(), Type: "order-confirmed"}
	count := func() (attempts, claimed int) {
		if err := db.QueryRowContext(t.Context(), `
			SELECT COALESCE(SUM(attempts), 0), COALESCE(SUM(claimed_until > ?), 0) FROM mail_delivery`, runtime.Now()).Scan(&attempts, &claimed); err != nil {
			t.Fatal(err)
		}
		return attempts, claimed
	}
	for attempt := 1; attempt <= 2; attempt++ {
		if err := d.Deliver(t.Context(), e, "order"); err == nil || errors.Is(err, errClaimed) {
			t.Fatalf("attempt %d: got %v, want the error of the template", attempt, err)
		}
		if attempts, claimed := count(); attempts != attempt || claimed != 0 {
			t.Errorf("attempt %d: %d attempts and %d claims are stored", attempt, attempts, claimed)
		}
	}
	for _, tc := range []struct {
		age  time.Duration
		want int
	}{{retention - time.Minute, 2}, {retention + time.Minute, 0}} {
		if err := Prune(t.Context(), db, runtime.Now().Add(tc.age)); err != nil {
			t.Fatal(err)
		}
		if attempts, _ := count(); attempts != tc.want {
			t.Errorf("after %s: %d attempts are stored, want %d", tc.age, attempts, tc.want)
		}
	}
}
