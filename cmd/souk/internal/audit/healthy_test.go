package audit_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/shared/function/functiontest"
)

// TestAuditOfASystemUnderLoad audits while orders are placed, cancelled, shipped and
// delivered, and stock is booked: nothing is found, then or afterwards.
func TestAuditOfASystemUnderLoad(t *testing.T) {
	t.Parallel()
	s := open(t)
	tea, cup := s.mustCreate(t, "TEA", 60), s.mustCreate(t, "CUP", 1000)
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for i := range 12 {
				id := s.mustOrder(t, 1+i%3, tea, cup)
				if i%3 == 0 {
					s.cancel(t, id)
				}
				s.mustAdjust(t, cup, 2)
			}
		})
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		s.deliver(t)
		requireHealthy(t, s.mustAudit(t, 0))
	}
	s.deliver(t)
	requireHealthy(t, s.mustAudit(t, atRest))

	t.Run("also when events and keys are deleted", func(t *testing.T) {
		for service, tables := range map[string][]string{"order": {"outbox", "inbox", "idempotency_key"}, "product": {"outbox", "inbox", "idempotency_key"}} {
			for _, table := range tables {
				s.mustExec(t, service, []statement{do("DELETE FROM " + table)})
			}
		}
		requireHealthy(t, s.mustAudit(t, 25*time.Hour))
		report := s.mustAudit(t, atRest) // too early: the sweeps have not deleted them
		if report.OK {
			t.Error("nothing is found when events and keys are deleted before their time")
		}
	})
}

// cancel cancels an order if that is still allowed.
func (s *shop) cancel(t *testing.T, id uuid.UUID) {
	t.Helper()
	response := s.services["order"].Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + id.String() + "/cancel", Token: s.customer})
	if response.Status != http.StatusOK && response.Status != http.StatusConflict {
		response.MustBe(t, http.StatusOK)
	}
}

// TestAuditOfDeletedKeys deletes the key of an order, which is found as long as the
// key is to be stored.
func TestAuditOfDeletedKeys(t *testing.T) {
	t.Parallel()
	s := open(t)
	tea := s.mustCreate(t, "TEA", 60)
	id := s.mustOrder(t, 1, tea)
	s.deliver(t)
	s.mustExec(t, "order", []statement{do(`DELETE FROM idempotency_key`)})
	mustFind(t, s.mustAudit(t, atRest), damage{finds: []audit.Check{audit.OrderDoubled}, names: id.String()})
	requireHealthy(t, s.mustAudit(t, 25*time.Hour))
}

// TestAuditOfWithdrawnUnits withdraws a unit of an order that was placed long ago: the product service may
// get the event later.
func TestAuditOfWithdrawnUnits(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.mustOrder(t, 1, s.mustCreate(t, "TEA", 60))
	s.deliver(t)
	s.mustExec(t, "product", []statement{do(`UPDATE reservation SET updated_at = updated_at - INTERVAL 1 HOUR`)})
	s.mustExec(t, "order", []statement{
		do(`UPDATE orders SET updated_at = updated_at - INTERVAL 1 HOUR`),
		do(`UPDATE order_history SET moved_at = moved_at - INTERVAL 1 HOUR`),
		do(`UPDATE order_item SET withdrawn = 1 WHERE order_id = ?`, id[:]),
	})
	requireUnits := func(later time.Duration, want int) {
		t.Helper()
		for _, result := range s.mustAudit(t, later).Checks {
			if result.Check == audit.ReservedUnits && result.Count != want {
				t.Errorf("after %s there are %d findings of %s, want %d: %v", later, result.Count, result.Check, want, result.Examples)
			}
		}
	}
	requireUnits(0, 1)
	s.mustExec(t, "order", []statement{do(`UPDATE order_history SET moved_at = ? ORDER BY version DESC LIMIT 1`, time.Now().UTC())})
	requireUnits(0, 0)
	requireUnits(atRest, 1)
}

// TestAuditOfKeyUsedAgain books with a key that was used a day before, and expired.
func TestAuditOfKeyUsedAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	pot := s.mustCreate(t, "POT", 1)
	s.mustAdjust(t, pot, 3)
	for between, finds := range map[string]bool{"25 HOUR": false, "22 HOUR": true} {
		plant, mend := bookedTwice(pot, 3, "moved_at, source", "moved_at - INTERVAL "+between+", source")
		s.mustExec(t, "product", plant)
		if report := s.mustAudit(t, atRest); report.OK == finds {
			t.Errorf("after %s: the report is OK: %t: %+v", between, report.OK, report.Checks)
		}
		s.mustExec(t, "product", mend)
	}
	// Of the version before there is no source.
	s.mustExec(t, "product", []statement{do(`UPDATE stock_movement SET source = NULL`)})
	requireHealthy(t, s.mustAudit(t, atRest))
	s.mustAdjust(t, pot, 3)
	requireHealthy(t, s.mustAudit(t, atRest))
}

// TestAuditAccepts lists findings that do not fail the audit.
func TestAuditAccepts(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustExec(t, "user", []statement{do(`UPDATE user SET role = 'root'`)})
	mustFind(t, s.mustAudit(t, 0), damage{finds: []audit.Check{audit.RuleRole}, names: s.userID.String()})
	report, err := audit.Run(t.Context(), audit.Options{Databases: s.databases, Manifest: s.list, Accepted: []audit.Check{audit.RuleRole}})
	if err != nil || !report.OK {
		t.Fatalf("the report is OK: %t, %v", report.OK, err)
	}
	for _, result := range report.Checks {
		if result.Check == audit.RuleRole && (result.Count != 1 || !result.Accepted) {
			t.Errorf("the accepted finding is %+v", result)
		}
	}
}
