package idempotency

import (
	"context"
	"errors"

	"souk/shared/database"
)

// Claim is the result of claiming the key of a request: the stored response of an earlier
// attempt, or the reason why the request is refused. Both are nil if the key is claimed.
type Claim struct {
	Response *Response
	Err      error // see Problem
}

// Claimed reports whether the request's effect must run.
func (c Claim) Claimed() bool { return c.Response == nil && c.Err == nil }

// firstError returns the first error of claims.
func firstError(claims []Claim) error {
	for _, c := range claims {
		if c.Err != nil {
			return c.Err
		}
	}
	return nil
}

// Claim inserts the rows of the keys of requests, which stay locked until tx ends. It does not
// wait for other attempts. Of several requests with one key, the first gets the claim.
//
// It returns an error if one of several keys is in use by another transaction, so that the
// others are not refused with it: the caller then claims fewer keys in a new transaction.
func (k *Keys) Claim(ctx context.Context, tx *database.Tx, requests []*Request) ([]Claim, error) {
	c := claiming{keys: k, requests: requests, claims: make([]Claim, len(requests)), open: map[hash]int{}}
	for i, r := range requests {
		if _, twice := c.open[r.scope]; twice {
			c.claims[i].Err = errInFlight
			continue
		}
		c.open[r.scope] = i
	}
	for range claimTries {
		done, err := c.try(ctx, tx)
		if err != nil || done {
			return c.claims, err
		}
	}
	return c.claims, c.refuse(errInFlight)
}

// Store stores responses of requests whose keys were claimed in tx.
func (k *Keys) Store(ctx context.Context, tx *database.Tx, requests []*Request, responses []Response) error {
	return updateResponses(ctx, tx, requests, responses, k.now().Add(retention))
}

// Release deletes the claims of requests in tx, so that their keys are unused.
func (k *Keys) Release(ctx context.Context, tx *database.Tx, requests []*Request) error {
	scopes := make([]hash, len(requests))
	for i, r := range requests {
		scopes[i] = r.scope
	}
	return deleteRows(ctx, tx, scopes)
}

// claiming is the state of a Claim.
type claiming struct {
	keys     *Keys
	requests []*Request
	claims   []Claim
	open     map[hash]int // indexes of the requests without a result, by scope
}

// pending returns the requests without a result, in their order.
func (c *claiming) pending() (requests []*Request, scopes []hash) {
	for i, r := range c.requests {
		if at, open := c.open[r.scope]; open && at == i {
			requests, scopes = append(requests, r), append(scopes, r.scope)
		}
	}
	return requests, scopes
}

// set sets the result of a request.
func (c *claiming) set(r *Request, response *Response, err error) {
	c.claims[c.open[r.scope]] = Claim{response, err}
	delete(c.open, r.scope)
}

// refuse sets an error as the result of the only pending request. It returns errContended if
// there are several.
func (c *claiming) refuse(err error) error {
	pending, _ := c.pending()
	if len(pending) > 1 {
		return errContended
	}
	c.set(pending[0], nil, err)
	return nil
}

// try is one attempt to claim all pending keys. done is false if another transaction inserted a
// row after they were read.
func (c *claiming) try(ctx context.Context, tx *database.Tx) (done bool, err error) {
	pending, scopes := c.pending()
	found, err := lockRows(ctx, tx, scopes)
	if database.IsLocked(err) {
		return c.peek(ctx, tx, pending)
	}
	if err != nil {
		return false, err
	}
	if err := c.readFound(ctx, tx, pending, found); err != nil {
		return false, err
	}
	pending, _ = c.pending()
	if len(pending) == 0 {
		return true, nil
	}
	inserted, err := insertRows(ctx, tx, pending, c.keys.now().Add(retention))
	if errors.Is(err, errInFlight) {
		return true, c.refuse(errInFlight)
	}
	if err != nil || !inserted {
		return false, err
	}
	return true, c.limit(ctx, tx, pending)
}

// peek reads the row of the only pending request, which another transaction has locked.
func (c *claiming) peek(ctx context.Context, tx *database.Tx, pending []*Request) (done bool, err error) {
	if len(pending) > 1 {
		return false, errContended
	}
	response, err := pending[0].peek(ctx, tx)
	if err != nil && !isRefusal(err) {
		return false, err
	}
	c.set(pending[0], response, err)
	return true, nil
}

// readFound sets the results of requests with a stored row, and deletes rows that may be
// replaced.
func (c *claiming) readFound(ctx context.Context, tx *database.Tx, pending []*Request, found map[hash]row) error {
	now := c.keys.now()
	var replaced []hash
	for _, r := range pending {
		stored, exists := found[r.scope]
		switch {
		case !exists:
		case stored.replaceable(now):
			replaced = append(replaced, r.scope)
		default:
			response, err := stored.outcome(r.payload)
			c.set(r, response, err)
		}
	}
	return deleteRows(ctx, tx, replaced)
}

// limit refuses requests, whose keys were inserted, of callers with too many keys.
func (c *claiming) limit(ctx context.Context, tx *database.Tx, inserted []*Request) error {
	var refused []hash
	for _, r := range inserted {
		err := c.keys.checkLimit(ctx, tx, r.caller)
		if err != nil && !isRefusal(err) {
			return err
		}
		c.set(r, nil, err)
		if err != nil {
			refused = append(refused, r.scope)
		}
	}
	return deleteRows(ctx, tx, refused)
}

// isRefusal reports whether err is a reason to refuse one request.
func isRefusal(err error) bool {
	return errors.Is(err, errReused) || errors.Is(err, errInFlight) || errors.Is(err, errTooMany)
}
