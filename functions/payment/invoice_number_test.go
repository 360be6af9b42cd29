package payment

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/money"
	"souk/shared/testsample"
)

var errRolledBack = errors.New("rolled back")

// TestInvoiceNumbers issues documents of two kinds in parallel, of two years, in transactions of
// one to three documents. Some are rolled back, and some lose their connection before or after the
// commit. No number may be missing or assigned twice.
func TestInvoiceNumbers(t *testing.T) {
	t.Parallel()
	const workers = 8
	documents := int64(600)
	if testsample.Long() {
		documents = 10_000
	}
	var cut atomic.Int64 // statements until one loses its connection
	cut.Store(40)
	url := dbtest.Create(t, append(function.Migrations(), Migrations)...)
	proxy := dbtest.NewProxy(t, url, func(string) dbtest.Fate {
		if cut.Add(-1) != 0 {
			return dbtest.Pass
		}
		cut.Store(20 + rand.Int64N(60))
		if rand.IntN(2) == 0 {
			return dbtest.CutAfter
		}
		return dbtest.CutBefore
	})
	db := dbtest.Open(t, proxy.URL, workers)
	direct := dbtest.Open(t, url, 1)
	var left, failed atomic.Int64
	left.Store(documents)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for left.Load() > 0 {
				n := 1 + rand.IntN(3)
				err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return insertDocuments(ctx, tx, n) })
				if err != nil {
					failed.Add(1)
					continue
				}
				left.Add(-int64(n))
			}
		})
	}
	all.Wait()
	if failed.Load() == 0 {
		t.Error("no transaction failed")
	}
	problems, err := database.Collect(t.Context(), direct, database.ScanColumn[string], `
		SELECT CONCAT_WS(' ', n.kind, n.year, n.last, COUNT(i.id), MIN(i.sequence), MAX(i.sequence))
		FROM invoice_number n
		LEFT JOIN invoice i ON i.kind = n.kind AND i.year = n.year
		GROUP BY n.kind, n.year, n.last
		HAVING COUNT(i.id) <> n.last OR COUNT(DISTINCT i.sequence) <> n.last OR MIN(i.sequence) <> 1 OR MAX(i.sequence) <> n.last`)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("kind, year, last, documents, least and greatest number: %s", problem)
	}
	stored, err := database.Get(t.Context(), direct, database.ScanColumn[int64], `SELECT COUNT(*) FROM invoice`)
	if err != nil || stored < documents {
		t.Errorf("%d documents are stored, want %d or more, error %v", stored, documents, err)
	}
	t.Logf("%d documents, %d transactions failed", stored, failed.Load())
}

// insertDocuments stores documents of random kinds and of one year. One of ten transactions is
// rolled back.
func insertDocuments(ctx context.Context, tx *database.Tx, count int) error {
	kinds := []invoice.Kind{invoice.Invoice, invoice.CreditNote}
	n, err := lockNumbers(ctx, tx, 2026+rand.IntN(2), kinds[:1+rand.IntN(2)]...)
	if err != nil {
		return err
	}
	var documents []storedInvoice
	for range count {
		for kind := range n.last {
			d := storedInvoice{Document: invoice.Document{ID: uuid.Must(uuid.NewV7()), Kind: kind, IssuedAt: time.Now().UTC()}, year: n.year, source: uuid.New(), pdf: []byte{}}
			d.sequence = n.next(kind)
			documents = append(documents, d)
			break
		}
	}
	if err := insertInvoices(ctx, tx, documents); err != nil {
		return err
	}
	if err := n.save(ctx, tx); err != nil {
		return err
	}
	if rand.IntN(10) == 0 {
		return errRolledBack
	}
	return nil
}

func TestFormatNumber(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"2026-000042": formatNumber(invoice.Invoice, 2026, 42), "CN-2027-000001": formatNumber(invoice.CreditNote, 2027, 1),
		"2026-1234567": formatNumber(invoice.Invoice, 2026, 1_234_567),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestInvoiceYear has the year end at each reading of the clock: the number of a document is one of
// the year in which it is issued.
func TestInvoiceYear(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	newYear := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	last := map[int]int64{}
	for readings := range 6 {
		o := f.mustCapture(t)
		f.mustDraft(t, o)
		payment := invoice.Payment{At: newYear, Amount: money.Money{Amount: total, Currency: "EUR"}}
		f.setClock(func() time.Time {
			if readings--; readings >= 0 {
				return newYear.Add(-time.Microsecond)
			}
			return newYear
		})
		err := f.service.DB.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return f.service.issue(ctx, tx, invoice.Invoice, []source{{orderID: o.id, id: o.id, payment: payment, context: ctx}},
				func(_ context.Context, i *issuer, copied *orderCopy, from *source) (invoice.Document, error) {
					return invoice.New(copied.forInvoice(), i.seller, from.payment), nil
				})
		})
		f.setClock(nil)
		if err != nil {
			t.Fatal(err)
		}
		d := f.mustListInvoices(t, o)[0]
		year := d.IssuedAt.Year()
		if last[year]++; d.Number != formatNumber(invoice.Invoice, year, last[year]) {
			t.Errorf("the document of %s has the number %s, want %d of the year", d.IssuedAt, d.Number, last[year])
		}
	}
	if last[2029] == 0 || last[2030] == 0 {
		t.Errorf("documents by year: %v", last)
	}
}
