package audit_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
)

// atRest is long enough from now that nothing counts as in flight any more, and
// not so long that a pending order is overdue.
const atRest = 20 * time.Minute

// damage is something that a test breaks, and how it is mended.
type damage struct {
	service     string
	plant, mend []statement
	// finds are the checks that must find it, and no others may.
	finds []audit.Check
	// names is what a finding must name.
	names string
}

func TestAudit(t *testing.T) {
	t.Parallel()
	s := open(t)
	tea, cup := s.mustCreate(t, "TEA", 50), s.mustCreate(t, "CUP", 8)
	confirmed := s.mustOrder(t, 2, tea, cup)
	s.deliver(t)
	rejected := s.mustOrder(t, 51, tea)
	s.deliver(t)
	cancelled := s.mustOrder(t, 3, tea)
	s.deliver(t)
	s.mustCancel(t, cancelled)
	s.deliver(t)
	overtaken := s.mustOrder(t, 1, cup)
	s.mustTag(t, overtaken)
	s.mustCancel(t, overtaken)
	s.deliver(t)

	delivered := s.mustOrder(t, 1, cup)
	s.deliver(t)
	s.mustShip(t, delivered, "ship")
	s.mustShip(t, delivered, "deliver")
	returned := s.mustReturn(t, cup)
	pot, imported := s.mustCreate(t, "POT", 4), s.mustImport(t, `{"sku":"MUG","name":"Mug","price":{"amount":700,"currency":"EUR"},"stock":9}`)
	s.mustAdjust(t, pot, 3)
	s.mustAdjust(t, pot, 3)
	s.mustImport(t, `{"sku":"MUG","stockDelta":-2}`)
	s.mustErase(t, pot)
	discount, discounted := s.mustDiscount(t, cup)

	requireHealthy(t, s.mustAudit(t, atRest))
	all := s.damages(t, tea, cup, confirmed, rejected, cancelled)
	maps.Copy(all, s.copyDamages(confirmed, rejected))
	maps.Copy(all, s.lossDamages(confirmed, rejected))
	maps.Copy(all, s.moveDamages(confirmed, rejected, delivered))
	maps.Copy(all, afterSaleDamages(delivered, confirmed, returned))
	maps.Copy(all, s.priceDamages(confirmed, rejected))
	maps.Copy(all, s.discountDamages(discount, discounted))
	maps.Copy(all, s.movementDamages(pot, imported))
	maps.Copy(all, s.ruleDamages(tea, confirmed))
	for name, d := range all {
		t.Run("finds "+name, func(t *testing.T) {
			s.mustExec(t, d.service, d.plant)
			report := s.mustAudit(t, atRest)
			s.mustExec(t, d.service, d.mend)
			mustFind(t, report, d)
			requireHealthy(t, s.mustAudit(t, atRest))
		})
	}
	t.Run("finds a pending order that is never decided", func(t *testing.T) {
		pending := s.mustOrder(t, 1, tea)
		requireHealthy(t, s.mustAudit(t, 0))
		mustFind(t, s.mustAudit(t, 2*time.Hour), damage{
			finds: []audit.Check{audit.OrderOverdue, audit.EventUnconsumed}, names: pending.String(),
		})
		s.deliver(t)
		requireHealthy(t, s.mustAudit(t, 2*time.Hour))
	})
	t.Run("holds nothing against what is in flight, and says how much that is", func(t *testing.T) {
		s.mustOrder(t, 1, tea)
		s.mustExec(t, "order", []statement{do(`UPDATE catalog SET version = 0 WHERE product_id = ?`, tea[:])})
		report := s.mustAudit(t, 0)
		requireHealthy(t, report)
		if report.InFlight == 0 {
			t.Error("nothing is in flight")
		}
	})
	t.Run("reports every check, also those that found nothing", func(t *testing.T) {
		text, err := json.Marshal(s.mustAudit(t, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{`"ok":true`, `"graceSeconds":300`, `"check":"stock-sum"`, `"check":"event-unconsumed"`, `"examples":[]`, `"orders":`} {
			if !strings.Contains(string(text), part) {
				t.Errorf("the report lacks %s: %s", part, text)
			}
		}
	})
}

func TestAuditNeedsOneConnectionADatabase(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustCreate(t, "TEA", 5)
	for _, db := range s.databases {
		db.SetMaxOpenConns(1)
	}
	requireHealthy(t, s.mustAudit(t, atRest))
	requireHealthy(t, s.mustAudit(t, atRest)) // The first has given it back.
}

func TestAuditNamesTheDatabaseThatIsMissing(t *testing.T) {
	t.Parallel()
	s := open(t)
	delete(s.databases, "product")
	_, err := audit.Run(t.Context(), audit.Options{Databases: s.databases, Manifest: s.list})
	if err == nil || !strings.Contains(err.Error(), "product") {
		t.Errorf("got %v", err)
	}
}

func requireHealthy(t *testing.T, report audit.Report) {
	t.Helper()
	for _, result := range report.Checks {
		for _, finding := range result.Examples {
			t.Errorf("%s: %s %s", result.Check, finding.Subject, finding.Detail)
		}
	}
	if !report.OK {
		t.Fatal("the report says that the shop does not add up")
	}
}

func mustFind(t *testing.T, report audit.Report, d damage) {
	t.Helper()
	if report.OK {
		t.Error("the report says that the shop adds up")
	}
	wanted, named := map[audit.Check]bool{}, false
	for _, check := range d.finds {
		wanted[check] = true
	}
	for _, result := range report.Checks {
		if found := result.Count > 0; found != wanted[result.Check] {
			t.Errorf("%s: found %t, want %t: %v", result.Check, found, wanted[result.Check], result.Examples)
		}
		for _, finding := range result.Examples {
			named = named || strings.Contains(finding.Subject+" "+finding.Detail, d.names)
		}
	}
	if !named {
		t.Errorf("no finding names %s: %+v", d.names, report.Checks)
	}
}

// unknownID is an id that no row has.
var unknownID = uuid.MustParse("0199c0de-0000-7000-8000-00000000dead")
