package pricing

// balance is what was charged for a line, or for shipping, and what was refunded of it.
type balance struct {
	id         string // "" for shipping
	quantity   int64  // 1 for shipping
	rate       Rate
	gross, tax int64

	units     int64 // refunded
	amount    int64 // refunded, with tax
	taxAmount int64 // refunded

	// unitsBefore and amountBefore are units and amount as they were after the last refund by
	// amount. What remained then is divided among the units that remained.
	unitsBefore, amountBefore int64
}

// newBalances returns the balances of a quote without refunds.
func newBalances(quote *Quote) []balance {
	balances := make([]balance, 0, len(quote.Lines)+1)
	for i := range quote.Lines {
		line := &quote.Lines[i]
		balances = append(balances, balance{id: line.ID, quantity: line.Quantity, rate: line.TaxRate, gross: line.Gross, tax: line.Tax})
	}
	if shipping := &quote.Shipping; shipping.Problem == "" {
		balances = append(balances, balance{quantity: 1, rate: shipping.TaxRate, gross: shipping.Gross, tax: shipping.Tax})
	}
	return balances
}

// find returns the balance with an id, or nil.
func find(balances []balance, id string) *balance {
	for i := range balances {
		if balances[i].id == id {
			return &balances[i]
		}
	}
	return nil
}

// apply adds a part of a refund. It reports whether the part is not negative and not more than
// remains.
func (b *balance) apply(part RefundPart) bool {
	if part.Quantity < 0 || part.Quantity > b.quantity-b.units ||
		part.Amount < 0 || part.Amount > b.gross-b.amount ||
		part.Tax < 0 || part.Tax > b.tax-b.taxAmount {
		return false
	}
	b.units += part.Quantity
	b.amount += part.Amount
	b.taxAmount += part.Tax
	if part.Quantity == 0 {
		b.unitsBefore, b.amountBefore = b.units, b.amount
	}
	return true
}

// worth returns what a refund of more units pays back: the rounded share of all refunded units
// less what was refunded for them already.
func (b *balance) worth(units int64) int64 {
	cumulative := share(b.gross-b.amountBefore, b.units-b.unitsBefore+units, b.quantity-b.unitsBefore)
	return cumulative - (b.amount - b.amountBefore)
}

// part returns a refund of an amount. Its tax is the rounded share of the whole refunded amount
// less the tax that was refunded already.
func (b *balance) part(units, amount int64) RefundPart {
	tax := share(b.tax, b.amount+amount, b.gross) - b.taxAmount
	return RefundPart{LineID: b.id, Quantity: units, TaxRate: b.rate, Amount: amount, Tax: tax}
}
