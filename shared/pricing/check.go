package pricing

import "fmt"

// Check returns an error unless the parts of the quote add up to its sums and none is negative. It
// is for quotes that were stored, whose settings are not known any more.
func (q *Quote) Check() error {
	var sums Quote
	for i := range q.Lines {
		line := &q.Lines[i]
		amount, err := times(line.UnitPrice, line.Quantity)
		if err != nil || amount != line.Amount {
			return fmt.Errorf("line %s: %d × %d is not %d", line.ID, line.UnitPrice, line.Quantity, line.Amount)
		}
		sums.Subtotal += line.Amount
	}
	for _, charge := range q.charges() {
		if err := charge.check(q.PricesIncludeTax); err != nil {
			return err
		}
		sums.Discount += charge.Discount
		sums.Tax += charge.Tax
		sums.Total += charge.Gross
	}
	if sums.Subtotal != q.Subtotal || sums.Discount != q.Discount || sums.Tax != q.Tax || sums.Total != q.Total {
		return fmt.Errorf("subtotal %d, discount %d, tax %d and total %d, but the parts add up to %d, %d, %d and %d",
			q.Subtotal, q.Discount, q.Tax, q.Total, sums.Subtotal, sums.Discount, sums.Tax, sums.Total)
	}
	for i := range q.Taxes {
		sums.Tax -= q.Taxes[i].Tax
		sums.Total -= q.Taxes[i].Gross
	}
	for i := range q.Discounts {
		sums.Discount -= q.Discounts[i].Amount
	}
	if sums.Tax != 0 || sums.Total != 0 || sums.Discount != 0 {
		return fmt.Errorf("the taxes or the discounts lack %d of the tax, %d of the total and %d of the discount", sums.Tax, sums.Total, sums.Discount)
	}
	return nil
}

// check returns an error unless the amounts of the charge add up and none is negative.
func (c *Charge) check(included bool) error {
	taxed := c.Net
	if included {
		taxed = c.Gross
	}
	if min(c.Amount, c.Discount, c.Net, c.Tax, c.Gross) < 0 || c.Net+c.Tax != c.Gross || c.remaining() != taxed {
		return fmt.Errorf("charge %+v does not add up", *c)
	}
	return nil
}
