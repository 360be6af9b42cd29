package pricing_test

import (
	"fmt"
	"math/big"
	"slices"

	"souk/shared/pricing"
)

// checkSingleDiscount checks the discounts of the lines of carts to which one discount applies.
func checkSingleDiscount(_ generator, cart pricing.Cart, settings pricing.Settings, q pricing.Quote) error {
	if len(q.Discounts) != 1 {
		return nil
	}
	d := settings.Discounts[slices.IndexFunc(settings.Discounts, func(d pricing.Discount) bool { return d.ID == q.Discounts[0].ID })]
	applies := func(line pricing.CartLine) bool {
		return len(d.LineIDs)+len(d.Categories) == 0 || slices.Contains(d.LineIDs, line.ID) || slices.Contains(d.Categories, line.Category)
	}
	var whole int64
	for i, line := range cart.Lines {
		if applies(line) {
			whole += q.Lines[i].Amount
		}
	}
	off := min(d.Amount, whole)
	if d.Kind == pricing.AmountOff && q.Discount != off {
		return fmt.Errorf("the discount is %d, want %d", q.Discount, off)
	}
	for i, line := range q.Lines {
		floor, exact := new(big.Int), new(big.Int)
		switch {
		case !applies(cart.Lines[i]) || d.Kind == pricing.FreeShipping || whole == 0:
		case d.Kind == pricing.PercentOff:
			floor.SetInt64(round(line.Amount, int64(d.Rate), 1_000_000))
		default:
			floor.DivMod(new(big.Int).Mul(big.NewInt(off), big.NewInt(line.Amount)), big.NewInt(whole), exact)
		}
		more := line.Discount - floor.Int64()
		if more != 0 && (more != 1 || exact.Sign() == 0) {
			return fmt.Errorf("line %s has the discount %d, want %d and at most one more", line.ID, line.Discount, floor)
		}
	}
	return checkRemainders(&q, off, whole, d.Kind, func(i int) bool { return applies(cart.Lines[i]) })
}

// checkRemainders checks that an amount was rounded up for the lines with the largest remainders.
func checkRemainders(q *pricing.Quote, off, whole int64, kind pricing.DiscountKind, applies func(int) bool) error {
	if kind != pricing.AmountOff || whole == 0 {
		return nil
	}
	least, most := big.NewInt(whole), new(big.Int) // remainders: the least rounded up, the largest not
	for i, line := range q.Lines {
		if !applies(i) {
			continue
		}
		floor, remainder := new(big.Int).DivMod(new(big.Int).Mul(big.NewInt(off), big.NewInt(line.Amount)), big.NewInt(whole), new(big.Int))
		switch roundedUp := line.Discount > floor.Int64(); {
		case roundedUp && remainder.Cmp(least) < 0:
			least = remainder
		case !roundedUp && remainder.Cmp(most) > 0:
			most = remainder
		}
	}
	if least.Cmp(most) < 0 {
		return fmt.Errorf("a remainder of %v was rounded up, and %v of %d was not", least, most, whole)
	}
	return nil
}
