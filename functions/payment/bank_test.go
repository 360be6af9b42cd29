package payment

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"souk/functions/payment/provider"
	"souk/shared/clock"
	"souk/shared/dbtest"
	"souk/shared/money"
)

// FilledRows are the values of tables with many payments: few are due.
var FilledRows = dbtest.Rows{
	"payment.next_at":             "IF(n % 128 = 0, TIMESTAMPADD(SECOND, -n, NOW()), NULL)",
	"payment.match_at":            "IF(n % 128 = 1, TIMESTAMPADD(SECOND, -n, NOW()), NULL)",
	"payment.refunded":            "0",
	"payment.provider_payment_id": "CONCAT('pay_', n)",
}

// bank is a provider whose payments have no versions, as Stripe's. It is what a payment service
// must not lose track of: it counts effects, not requests.
type bank struct {
	now clock.Clock

	mu       sync.Mutex
	payments []*provider.Payment
	keys     map[string]provider.Payment
	refunds  map[string]string
	// fail is called before and after the effect of a request, nil never fails.
	fail func(operation string, after bool) error
	// secret makes payments have a client secret instead of a page.
	requests map[string]int
}

func newBank(now clock.Clock) *bank {
	return &bank{now: now, keys: map[string]provider.Payment{}, refunds: map[string]string{}, requests: map[string]int{}}
}

const bankName = "bank"

// Name returns the name.
func (b *bank) Name() string { return bankName }

func (b *bank) failing(operation string, after bool) error {
	if b.fail == nil {
		return nil
	}
	return b.fail(operation, after)
}

func (b *bank) find(id string) *provider.Payment {
	i := slices.IndexFunc(b.payments, func(p *provider.Payment) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return b.payments[i]
}

// write has an effect once for each key.
func (b *bank) write(operation, key string, effect func() (*provider.Payment, error)) (provider.Payment, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests[operation]++
	if err := b.failing(operation, false); err != nil {
		return provider.Payment{}, err
	}
	done, replayed := b.keys[key]
	if !replayed {
		p, err := effect()
		if err != nil {
			return provider.Payment{}, err
		}
		done = *p
		b.keys[key] = done
	}
	if err := b.failing(operation, true); err != nil {
		return provider.Payment{}, err
	}
	return done, nil
}

func conflict(operation string) error {
	return &provider.Error{Class: provider.ClassConflict, Operation: operation, Code: "state"}
}

// Create creates a payment.
func (b *bank) Create(_ context.Context, in provider.Creation) (provider.Payment, error) {
	if err := in.Validate(); err != nil {
		return provider.Payment{}, err
	}
	return b.write("create", in.Key, func() (*provider.Payment, error) {
		p := &provider.Payment{
			ID: fmt.Sprintf("pi_%s_%d", in.Reference[:8], len(b.payments)), Reference: in.Reference, State: provider.Requested,
			Amount: in.Amount, Capture: in.Capture, CreatedAt: b.now(), Next: provider.NextAction{URL: "https://bank.example/pay"},
		}
		b.payments = append(b.payments, p)
		return p, nil
	})
}

// Get reads a payment.
func (b *bank) Get(_ context.Context, id string) (provider.Payment, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests["get"]++
	if err := b.failing("get", false); err != nil {
		return provider.Payment{}, err
	}
	if p := b.find(id); p != nil {
		return *p, nil
	}
	return provider.Payment{}, &provider.Error{Class: provider.ClassInvalid, Operation: "get"}
}

// Capture captures a payment.
func (b *bank) Capture(_ context.Context, id string, amount money.Money, key string) (provider.Payment, error) {
	return b.write("capture", key, func() (*provider.Payment, error) {
		p := b.find(id)
		if p.State != provider.Authorized {
			return nil, conflict("capture")
		}
		p.State, p.Captured = provider.Captured, amount.Amount
		return p, nil
	})
}

// Void voids a payment.
func (b *bank) Void(_ context.Context, id, key string) (provider.Payment, error) {
	return b.write("void", key, func() (*provider.Payment, error) {
		p := b.find(id)
		if p.State != provider.Requested && p.State != provider.Authorized {
			return nil, conflict("void")
		}
		p.State = provider.Voided
		return p, nil
	})
}

// Refund refunds a part of a payment.
func (b *bank) Refund(_ context.Context, id string, amount money.Money, key string) (provider.Refund, error) {
	p, err := b.write("refund", key, func() (*provider.Payment, error) {
		p := b.find(id)
		if p.State != provider.Captured && p.State != provider.PartiallyRefunded || p.Refunded+amount.Amount > p.Captured {
			return nil, conflict("refund")
		}
		p.Refunded += amount.Amount
		p.State = provider.Settled(p.Captured, p.Refunded)
		return p, nil
	})
	return provider.Refund{ID: "re_" + key, Payment: p}, err
}

// List lists payments, two on a page.
func (b *bank) List(_ context.Context, query provider.Query) (page provider.Page, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failing("list", false); err != nil {
		return page, err
	}
	first := 0
	if query.PageToken != "" {
		if _, err := fmt.Sscan(query.PageToken, &first); err != nil {
			return page, err
		}
	}
	for i, p := range b.payments[first:] {
		if len(page.Items) == 2 {
			page.NextPageToken = fmt.Sprint(first + i)
			break
		}
		if !p.CreatedAt.Before(query.Since) {
			page.Items = append(page.Items, *p)
		}
	}
	return page, nil
}

const bankSecret = "bank secret"

// ParseCallback reads a callback whose header Signature is the secret.
func (b *bank) ParseCallback(header http.Header, body []byte, _ time.Time) (provider.Callback, error) {
	if !hmac.Equal([]byte(header.Get("Signature")), []byte(bankSecret)) {
		return provider.Callback{}, provider.ErrSignature
	}
	var c struct{ ID, Type, Payment string }
	if err := json.Unmarshal(body, &c); err != nil {
		return provider.Callback{}, errors.New("not an event")
	}
	return provider.Callback{ID: c.ID, Type: c.Type, CreatedAt: b.now(), Payment: provider.Payment{ID: c.Payment}}, nil
}

// pay authorizes a payment, and captures it if that is automatic.
func (b *bank) pay(id string) {
	b.change(id, func(p *provider.Payment) {
		p.State, p.Next = provider.Authorized, provider.NextAction{}
		if p.Capture == provider.Automatic {
			p.State, p.Captured = provider.Captured, p.Amount.Amount
		}
	})
}

// change changes a payment at the bank.
func (b *bank) change(id string, apply func(*provider.Payment)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	apply(b.find(id))
}

// all returns copies of the payments of an order.
func (b *bank) all(reference string) (payments []provider.Payment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.payments {
		if p.Reference == reference {
			payments = append(payments, *p)
		}
	}
	return payments
}

// claimTimeout is how long a claim lasts with the default settings.
const claimTimeout = 2 * maxRequestTimeout
