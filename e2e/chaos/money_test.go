package chaos

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// orderMoney is what the shop's databases, the provider and the responses to clients have of an
// order's money, in minor units.
type orderMoney struct {
	status, currency   string
	total              int64
	paymentID          string // by the payment service
	captured, refunded int64
	succeeded          int   // refunds
	acknowledged       int64 // sum of the refunds that were acknowledged
	invoices           int
	invoiced, credited int64 // totals of invoices and of credit notes
	events             map[string]int
	atProvider         []transaction
}

// isSold reports whether the order has its goods for good.
func (m *orderMoney) isSold() bool { return m.status == "confirmed" || m.isSent() }

func (m *orderMoney) isSent() bool { return m.status == "shipped" || m.status == "delivered" }

// checkMoney compares, for each order and in sum, what customers have paid and were refunded with
// the provider's books, to the minor unit.
func (o *oracle) checkMoney(t *testing.T, sh *shop) {
	t.Helper()
	orders := o.money(t, sh)
	sold, sum := 0, map[string]int64{}
	for id, m := range orders {
		if m.isSold() {
			sold++
		}
		for _, problem := range m.problems(sh.paid[id]) {
			t.Errorf("order %s (%s, %d %s): %s: %+v", id, m.status, m.total, m.currency, problem, *m)
		}
		if m.isSent() {
			sum[m.currency] += m.total - m.acknowledged
		}
	}
	o.checkBooks(t, sum)
	o.checkInvoiceNumbers(t)
	t.Logf("money: %d orders are sold, %d were paid by customers; by paid orders less refunds and by the provider's books: %v", sold, len(sh.paid), sum)
	if sold == 0 || sum["EUR"] == 0 {
		t.Error("no order was sold, or nothing captured, so nothing was checked")
	}
}

// problems returns what is wrong with the money of an order.
func (m *orderMoney) problems(paid bool) (problems []string) {
	wrong := func(when bool, text string, args ...any) {
		if when {
			problems = append(problems, fmt.Sprintf(text, args...))
		}
	}
	var captured, refunded int64
	withMoney := 0
	for _, p := range m.atProvider {
		captured, refunded = captured+p.CapturedAmount, refunded+p.RefundedAmount
		wrong(p.RefundedAmount > p.CapturedAmount, "more is refunded than captured")
		wrong(p.Amount != m.total || p.Currency != m.currency, "its payment is of %d %s", p.Amount, p.Currency)
		wrong(p.ID != m.paymentID, "its payment is %s", p.ID)
		if slices.Contains([]string{"authorized", "processing", "captured", "partially_refunded", "refunded"}, p.State) {
			withMoney++
		}
		wrong(!m.isSold() && !slices.Contains([]string{"voided", "declined", "expired", "refunded"}, p.State), "its payment is %s", p.State)
	}
	wrong(len(m.atProvider) > 1 || withMoney > 1, "it is charged twice")
	wrong(m.isSold() && withMoney != 1, "it is sold, and not paid")
	wrong(m.isSent() && captured != m.total, "it is sent, and %d are captured", captured)
	wrong(!m.isSold() && captured != refunded, "it is not sold, and %d are not refunded", captured-refunded)
	wrong(captured != m.captured || refunded != m.refunded, "the service has %d captured and %d refunded, the provider %d and %d", m.captured, m.refunded, captured, refunded)
	wrong(m.isSent() && refunded != m.acknowledged, "refunds of %d were acknowledged, and %d are refunded", m.acknowledged, refunded)
	wrong(paid && m.status != "cancelled" && !m.isSold(), "the customer has paid")
	wrong(captured > 0 && (m.invoices != 1 || m.invoiced != captured) || captured == 0 && m.invoices > 0, "%d invoices of %d, but %d are captured", m.invoices, m.invoiced, captured)
	wrong(m.credited != refunded, "credit notes of %d, but %d are refunded", m.credited, refunded)
	wrong(m.events["payment-authorized"] > 1 || m.isSold() && m.events["payment-authorized"] != 1, "%d events of the authorization", m.events["payment-authorized"])
	wrong(m.events["payment-captured"] != min(1, int(captured)), "%d events of the capture", m.events["payment-captured"])
	wrong(m.events["payment-refunded"] != m.succeeded, "%d events of %d refunds", m.events["payment-refunded"], m.succeeded)
	return problems
}

// money returns what the databases, the provider and the responses to the clients have of each
// order.
func (o *oracle) money(t *testing.T, sh *shop) map[string]*orderMoney {
	t.Helper()
	orders := map[string]*orderMoney{}
	for _, row := range mustRows(t, o.order, 4, `SELECT LOWER(HEX(id)), status, total_amount, total_currency FROM orders`) {
		orders[dashed(row[0])] = &orderMoney{status: row[1], total: number(t, row[2]), currency: row[3], events: map[string]int{}}
	}
	find := func(id string) *orderMoney {
		if orders[id] == nil {
			t.Fatalf("there is no order %s, but money of it", id)
		}
		return orders[id]
	}
	for _, row := range mustRows(t, o.payment, 4, `SELECT LOWER(HEX(order_id)), COALESCE(provider_payment_id, ''), captured, refunded FROM payment`) {
		m := find(dashed(row[0]))
		m.paymentID, m.captured, m.refunded = row[1], number(t, row[2]), number(t, row[3])
	}
	o.readRefunds(t, sh, find)
	for _, row := range mustRows(t, o.payment, 3, `SELECT LOWER(HEX(order_id)), kind, JSON_EXTRACT(document, '$.total.amount') FROM invoice`) {
		m := find(dashed(row[0]))
		if row[1] == "invoice" {
			m.invoices++
			m.invoiced += number(t, row[2])
		} else {
			m.credited += number(t, row[2])
		}
	}
	for _, row := range mustRows(t, o.payment, 2, `SELECT aggregateid, type FROM outbox WHERE aggregatetype = 'order'`) {
		find(row[0]).events[row[1]]++
	}
	for id, transactions := range o.s.provider.transactions(t) {
		find(id).atProvider = transactions
	}
	return orders
}

// readRefunds compares the stored refunds with those that were acknowledged, one by one.
func (o *oracle) readRefunds(t *testing.T, sh *shop, find func(id string) *orderMoney) {
	t.Helper()
	acknowledged := map[string]*request{}
	for _, r := range sh.done("refund") {
		if r.response.status == http.StatusCreated {
			acknowledged[r.response.id()] = r
			find(r.subject).acknowledged += r.amount
		}
	}
	for _, row := range mustRows(t, o.payment, 5, `SELECT LOWER(HEX(id)), LOWER(HEX(order_id)), state, source, amount FROM refund`) {
		id, order, state, source, amount := dashed(row[0]), dashed(row[1]), row[2], row[3], number(t, row[4])
		r := acknowledged[id]
		delete(acknowledged, id)
		switch {
		case state != "succeeded":
			t.Errorf("refund %s of order %s is %s", id, order, state)
		case source == "requested" && (r == nil || r.amount != amount || r.subject != order):
			t.Errorf("refund %s of %d of order %s was acknowledged as %+v", id, amount, order, r)
		}
		find(order).succeeded++
	}
	for id, r := range acknowledged {
		t.Errorf("refund %s of %d of order %s was acknowledged, and is lost", id, r.amount, r.subject)
	}
}

// checkBooks compares sums by currency with the provider's books.
func (o *oracle) checkBooks(t *testing.T, sum map[string]int64) {
	t.Helper()
	members, err := o.s.provider.get("/v1/books")
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for currency, amount := range sum {
		if balance := fmt.Sprintf(`"balance":%d`, amount); !strings.Contains(string(members["items"]), balance) {
			t.Errorf("paid orders less refunds are %d %s, and the provider's books are %s", amount, currency, members["items"])
		}
		want += currency
	}
	if strings.Count(string(members["items"]), "currency") != len(sum) {
		t.Errorf("the provider's books are %s, want the currencies %s", members["items"], want)
	}
}

// checkInvoiceNumbers requires numbers without gaps and duplicates.
func (o *oracle) checkInvoiceNumbers(t *testing.T) {
	t.Helper()
	requireNone(t, o.payment, "numbers of documents with a gap", `
		SELECT CONCAT(kind, ' ', year, ': ', COUNT(DISTINCT sequence), ' of ', MAX(sequence))
		FROM invoice GROUP BY kind, year HAVING COUNT(DISTINCT sequence) <> MAX(sequence) OR COUNT(*) <> MAX(sequence)`)
}
