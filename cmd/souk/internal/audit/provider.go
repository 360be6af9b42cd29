package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
)

// PaymentLister lists the payments of a payment provider.
type PaymentLister interface {
	Name() string
	List(ctx context.Context, query provider.Query) (provider.Page, error)
}

// Provider is what was compared with the payment provider.
type Provider struct {
	// Checked reports whether the provider's list was read. Otherwise Reason is why not.
	Checked bool   `json:"checked"`
	Reason  string `json:"reason,omitempty"`
	Name    string `json:"name,omitempty"`
	// Payments is the number of payments in the list.
	Payments int64 `json:"payments"`
	// Others is the number of stored payments of other providers, which were not compared.
	Others int64 `json:"others"`
}

// ofProvider are the checks that need the provider's list.
var ofProvider = []Check{ProviderDiffers, ProviderMissing, ProviderOrphan}

// listed is a payment at the provider.
type listed struct {
	id, state          string
	amount             amount
	captured, refunded int64
	changed            time.Time // zero if the provider does not report it
}

// hasMoney reports whether the provider may take, or has taken and not returned, an amount.
func (l listed) hasMoney() bool {
	final := slices.Contains([]string{"voided", "declined", "expired"}, l.state)
	return !final && (l.captured == 0 || l.captured != l.refunded)
}

// readProvider reads the provider's list. An error of the provider is a part of the report: the
// databases are checked without it.
func (a *auditor) readProvider(ctx context.Context) error {
	from := a.options.Provider
	if from == nil {
		a.provider.Reason = a.options.NoProvider
		return nil
	}
	a.provider.Name = from.Name()
	a.listed = map[uuid.UUID][]listed{}
	query := provider.Query{}
	for {
		page, err := from.List(ctx, query)
		if err != nil {
			a.listed = nil
			a.provider.Reason = fmt.Sprintf("read the payments of the provider %s: %v", from.Name(), err)
			return ctx.Err()
		}
		for _, p := range page.Items {
			a.list(p)
		}
		if query.PageToken = page.NextPageToken; query.PageToken == "" {
			a.provider.Checked = true
			return nil
		}
	}
}

// list stores a payment of the provider's list. One without a reference is that of another system;
// one whose reference is not the id of an order has the id 0, as if of an order that does not exist.
func (a *auditor) list(p provider.Payment) {
	if p.Reference == "" {
		return
	}
	id, err := uuid.Parse(p.Reference)
	if err != nil {
		id = uuid.Nil
	}
	a.provider.Payments++
	a.listed[id] = append(a.listed[id], listed{
		p.ID, string(p.State), amount{p.Amount.Amount, p.Amount.Currency}, p.Captured, p.Refunded, p.UpdatedAt,
	})
}

func (a *auditor) allAtRest(payments []listed) bool {
	return !slices.ContainsFunc(payments, func(l listed) bool { return !a.atRest(l.changed) })
}

// compareListed compares the stored payment of an order with those at the provider.
func (a *auditor) compareListed(subject string, payments []payment, atProvider []listed) {
	if !a.provider.Checked {
		return
	}
	var stored payment
	if len(payments) > 0 {
		stored = payments[0]
	}
	if len(payments) > 0 && stored.provider != a.provider.Name {
		a.provider.Others++
		stored.id = ""
	}
	found := false
	for _, l := range atProvider {
		switch {
		case stored.id != "" && l.id == stored.id:
			found = true
			a.compareAmounts(subject, stored, l)
		case len(payments) == 0 || l.hasMoney(): // one that was created twice is given back
			a.find(ProviderOrphan, subject, "has no payment %s, which is %s at the provider, with %d captured and %d refunded of %s",
				l.id, l.state, l.captured, l.refunded, l.amount)
		}
	}
	if stored.id != "" && !found {
		a.find(ProviderMissing, subject, "has the payment %s, which is %s, and which the provider does not know", stored.id, stored.state)
	}
}

func (a *auditor) compareAmounts(subject string, stored payment, l listed) {
	if stored.amount != l.amount || stored.captured != l.captured || stored.refunded != l.refunded {
		a.find(ProviderDiffers, subject, "has a payment %s of %s with %d captured and %d refunded; at the provider it is one of %s with %d captured and %d refunded",
			l.id, stored.amount, stored.captured, stored.refunded, l.amount, l.captured, l.refunded)
	}
}

// listedOrphans reports the payments at the provider of which neither orders nor payments have the
// order.
func (a *auditor) listedOrphans() {
	for id, payments := range a.listed {
		if !a.allAtRest(payments) {
			a.inFlight++
			continue
		}
		a.sum(nil, nil, payments)
		a.compareListed(about("order", id), nil, payments)
	}
}
