package user

import (
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/mail/catch"
)

// TestLockedDeliverySendsNoMailTwice locks the deliveries of two events after their mails were sent.
// The first is recorded alone; meanwhile the records of the other three queue for one batch, with one
// locked row. It is split, and each mail is sent once.
func TestLockedDeliverySendsNoMailTwice(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	dbtest.SetAll(t, s.DB, dbtest.PoolSize, `SET SESSION innodb_lock_wait_timeout = 1`) // the shortest
	first, locked := newOrderEvent(t, "order-confirmed", ada.ID, ""), newOrderEvent(t, "order-shipped", ada.ID, "")
	others := []event.Event{newOrderEvent(t, "order-delivered", ada.ID, ""), newOrderEvent(t, "order-cancelled", ada.ID, "expired")}
	release := s.lockDeliveries(t, first, locked)
	deliver := func(all *sync.WaitGroup, events ...event.Event) {
		for _, e := range events {
			all.Go(func() { s.Deliver(t, "user-notify", e).MustBe(t, http.StatusNoContent) })
		}
	}
	var waiting, free, again sync.WaitGroup
	deliver(&waiting, first, locked)
	for len(s.Mail.To(ada.Email)) < 3 { // the registration's and those of the locked deliveries
		runtime.Gosched()
	}
	deliver(&free, others...)
	free.Wait()
	release()
	waiting.Wait()
	deliver(&again, append(others, first, locked)...)
	again.Wait()
	if n := len(s.Mail.To(ada.Email)); n != 5 {
		t.Errorf("%d mails, want the registration's and one of each of 4 events", n)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM mail_delivery`); n != 0 {
		t.Errorf("%d deliveries remain", n)
	}
}

// lockDeliveries locks the deliveries of events while their mails are sent, until release is called.
func (s server) lockDeliveries(t *testing.T, events ...event.Event) (release func()) {
	t.Helper()
	holder, err := s.DB.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Rollback() })
	var mu sync.Mutex // mails are received concurrently
	s.Mail.OnMessage(func(letter catch.Letter) error {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if !strings.HasPrefix(letter.MessageID, e.ID.String()) {
				continue
			}
			n, err := database.AffectedRows(holder.ExecContext(t.Context(), `
				UPDATE mail_delivery SET attempts = attempts WHERE consumer = 'user-notify' AND event_id = ?`, e.ID[:]))
			if err != nil || n != 1 {
				t.Errorf("lock the delivery of %s: %d rows, %v", e.ID, n, err)
			}
		}
		return nil
	})
	return func() {
		if err := holder.Rollback(); err != nil {
			t.Error(err)
		}
	}
}
