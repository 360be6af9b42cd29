package order

import (
	"context"
	"sync/atomic"

	"souk/shared/database"
	"souk/shared/pricing"
)

// priceRules are the shop's rules for prices: its settings and the automatic discounts, in the
// order of their ids, at a revision.
type priceRules struct {
	revision  int64
	settings  pricing.Settings
	automatic []pricing.Discount
}

// ruleCache is an instance's copy of the rules.
type ruleCache struct{ current atomic.Pointer[priceRules] }

// at returns the rules of a revision, which the caller has read in the same transaction: the copy
// if it is current, and otherwise the stored rules, which may be newer.
func (c *ruleCache) at(ctx context.Context, q database.Queryer, revision int64) (*priceRules, error) {
	if rules := c.current.Load(); rules != nil && rules.revision == revision {
		return rules, nil
	}
	rules := &priceRules{revision: revision}
	if revision > 0 {
		settings, err := selectShopSettings(ctx, q)
		if err != nil {
			return nil, err
		}
		rules.settings = settings.pricing()
		discounts, err := selectAutomaticDiscounts(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range discounts {
			rules.automatic = append(rules.automatic, discounts[i].rule())
		}
	}
	c.current.Store(rules)
	return rules, nil
}
