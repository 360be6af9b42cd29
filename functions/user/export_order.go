package user

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/sync/errgroup"

	"souk/shared/api"
)

// paymentReads is how many payments and lists of invoices an export reads at the same time.
const paymentReads = 8

// exportedOrder contains the fields of an order that an export reads.
type exportedOrder struct {
	ID      string `json:"id"`
	Payment string `json:"payment"`
}

// addPayments adds to each order of a page that must be paid what the payment service stores of it:
// its payment with the refunds, and its invoices and credit notes.
func (p *orderPages) addPayments(ctx context.Context, orders []json.RawMessage) error {
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(paymentReads)
	for i, text := range orders {
		var o exportedOrder
		if err := json.Unmarshal(text, &o); err != nil {
			return fmt.Errorf("decode an order: %w", err)
		}
		if o.Payment != "required" {
			continue
		}
		reads.Go(func() error {
			extended, err := p.addPayment(ctx, o.ID, text)
			if err != nil {
				return fmt.Errorf("read the payment of order %s: %w", o.ID, err)
			}
			orders[i] = extended
			return nil
		})
	}
	return reads.Wait()
}

// addPayment adds the members paymentRecord and invoices to the text of an order. The first is
// missing if the order has no payment yet.
func (p *orderPages) addPayment(ctx context.Context, id string, order json.RawMessage) (json.RawMessage, error) {
	var added struct {
		Payment  map[string]json.RawMessage `json:"paymentRecord,omitempty"`
		Invoices []json.RawMessage          `json:"invoices"`
	}
	path := p.shop.url + "/v1/orders/" + url.PathEscape(id)
	if err := p.shop.get(ctx, path+"/payment", p.authorization, &added.Payment); err != nil && !errors.Is(err, errNotFound) {
		return nil, err
	}
	// How the customer can pay is not data about the customer. It may contain a secret.
	delete(added.Payment, "nextAction")
	var err error
	if added.Invoices, err = p.invoices(ctx, path); err != nil {
		return nil, err
	}
	text, err := json.Marshal(added)
	if err != nil {
		return nil, err
	}
	return append(append(bytes.TrimSuffix(bytes.Clone(bytes.TrimSpace(order)), []byte("}")), ','), text[1:]...), nil
}

// invoices returns the invoices and credit notes of an order.
func (p *orderPages) invoices(ctx context.Context, path string) ([]json.RawMessage, error) {
	all, token := []json.RawMessage{}, ""
	for {
		var page api.Page[json.RawMessage]
		query := fmt.Sprintf("/invoices?pageSize=%d&pageToken=%s", shopPageSize, url.QueryEscape(token))
		if token == "" {
			query = fmt.Sprintf("/invoices?pageSize=%d", shopPageSize)
		}
		err := p.shop.get(ctx, path+query, p.authorization, &page)
		if errors.Is(err, errNotFound) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		switch page.NextPageToken {
		case "":
			return all, nil
		case token:
			return nil, errors.New("the next page token is the current one")
		}
		token = page.NextPageToken
	}
}
