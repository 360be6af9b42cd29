package pricing

import (
	"slices"
	"time"
)

// DiscountKind is what a discount reduces, and how.
type DiscountKind string

// The kinds of discounts.
const (
	PercentOff   DiscountKind = "percentage"    // a rate of each line it applies to
	AmountOff    DiscountKind = "amount"        // an amount, divided among the lines it applies to
	FreeShipping DiscountKind = "free_shipping" // the price of shipping
)

// Discount reduces the price of carts that fulfil its conditions. Amounts are minor units.
type Discount struct {
	ID   string       `json:"id"`             // identifies it in Cart.Uses
	Name string       `json:"name"`           // for the customer
	Code string       `json:"code,omitempty"` // to be entered by the customer; "" for an automatic discount
	Kind DiscountKind `json:"kind"`
	Rate Rate         `json:"rate,omitempty"` // of PercentOff, above 0
	// Amount of AmountOff, above 0, includes tax if prices do.
	Amount int64 `json:"amount,omitempty"`

	// LineIDs and Categories restrict the discount to lines with these ids and of these
	// categories. It applies to all lines if both are empty. FreeShipping requires one such line.
	LineIDs    []string `json:"lineIds,omitempty"`
	Categories []string `json:"categories,omitempty"`
	// MinimumTotal is the least sum of all lines of the cart, before discounts.
	MinimumTotal int64 `json:"minimumTotal,omitempty"`
	// From and Until are the period, without Until itself. A zero time is no bound.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// MaxUses and MaxUsesPerCustomer are limits of uses; 0 is no limit. A discount with a limit by customer
	// does not apply to guests.
	MaxUses            int64 `json:"maxUses,omitempty"`
	MaxUsesPerCustomer int64 `json:"maxUsesPerCustomer,omitempty"`
	// Exclusive discounts are not combined with others. If several discounts apply and one of
	// them is exclusive, only one is used: the exclusive code that was entered first, otherwise
	// the first exclusive automatic discount of the settings.
	Exclusive bool `json:"exclusive,omitempty"`
}

// CodeProblem is the reason for which a discount code is not used. Its values are stable.
type CodeProblem string

// The reasons for which a discount code is not used, in the order in which they are checked.
const (
	CodeUnknown        CodeProblem = "unknown"
	CodeNotYetValid    CodeProblem = "not_yet_valid"
	CodeExpired        CodeProblem = "expired"
	CodeMinimumTotal   CodeProblem = "minimum_total"
	CodeNotForThese    CodeProblem = "not_for_these_lines"
	CodeNeedsAccount   CodeProblem = "account_required"
	CodeUsedUp         CodeProblem = "used_up"
	CodeUsedByCustomer CodeProblem = "used_up_by_customer"
	CodeNotCombinable  CodeProblem = "not_combinable"
)

// RefusedCode is an entered discount code that is not used.
type RefusedCode struct {
	Code    string      `json:"code"` // as entered
	Problem CodeProblem `json:"problem"`
}

// AppliedDiscount is a discount that a quote has.
type AppliedDiscount struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Code string `json:"code,omitempty"` // as in the settings; "" for an automatic discount
	// Amount is what it takes off, in minor units, with tax if prices include it. It is 0 if
	// nothing was left to reduce, or for free shipping before a method is chosen; then no use
	// of the discount should be counted.
	Amount int64 `json:"amount"`
}

// problem returns the reason for which the discount does not apply to a cart with a subtotal,
// or "".
func (d *Discount) problem(cart *Cart, subtotal int64) CodeProblem {
	uses := cart.Uses[d.ID]
	switch {
	case !d.From.IsZero() && cart.Time.Before(d.From):
		return CodeNotYetValid
	case !d.Until.IsZero() && !cart.Time.Before(d.Until):
		return CodeExpired
	case subtotal < d.MinimumTotal:
		return CodeMinimumTotal
	case !slices.ContainsFunc(cart.Lines, d.appliesTo):
		return CodeNotForThese
	case d.MaxUsesPerCustomer > 0 && cart.Guest:
		return CodeNeedsAccount
	// The uses are checked last: those of discounts that are not applicable need not be known.
	case d.MaxUses > 0 && uses.Total >= d.MaxUses:
		return CodeUsedUp
	case d.MaxUsesPerCustomer > 0 && uses.Customer >= d.MaxUsesPerCustomer:
		return CodeUsedByCustomer
	}
	return ""
}

// IsApplicable reports whether the discount applies to a cart, apart from its uses and from other
// discounts that exclude it.
func (d *Discount) IsApplicable(cart *Cart) bool {
	if d.Code != "" && !slices.ContainsFunc(cart.Codes, func(code string) bool { return fold(code) == fold(d.Code) }) {
		return false
	}
	var subtotal int64
	for i := range cart.Lines {
		amount, err := times(cart.Lines[i].UnitPrice, cart.Lines[i].Quantity)
		if err == nil {
			subtotal, err = plus(subtotal, amount)
		}
		if err != nil {
			return false // the cart has no quote
		}
	}
	unused := *cart
	unused.Uses = nil
	return d.problem(&unused, subtotal) == ""
}

// appliesTo reports whether the discount is for a line.
func (d *Discount) appliesTo(line CartLine) bool {
	return len(d.LineIDs) == 0 && len(d.Categories) == 0 ||
		slices.Contains(d.LineIDs, line.ID) || slices.Contains(d.Categories, line.Category)
}

// chooseDiscounts returns the discounts to use, in the order of their use: automatic ones as in
// the settings, then codes as entered. It adds the codes that are not used to the quote.
func (q *Quote) chooseDiscounts(cart *Cart, all []Discount) []*Discount {
	var chosen []*Discount
	for i := range all {
		if d := &all[i]; d.Code == "" && d.problem(cart, q.Subtotal) == "" {
			chosen = append(chosen, d)
		}
	}
	entered := map[string]string{} // the codes as entered, by their folded form
	for _, code := range cart.Codes {
		folded := fold(code)
		if _, duplicate := entered[folded]; duplicate {
			continue
		}
		entered[folded] = code
		d := findCode(all, folded)
		if d == nil {
			q.RefusedCodes = append(q.RefusedCodes, RefusedCode{code, CodeUnknown})
		} else if problem := d.problem(cart, q.Subtotal); problem != "" {
			q.RefusedCodes = append(q.RefusedCodes, RefusedCode{code, problem})
		} else {
			chosen = append(chosen, d)
		}
	}
	exclusive := findExclusive(chosen)
	if exclusive == nil {
		return chosen
	}
	for _, d := range chosen {
		if d != exclusive && d.Code != "" {
			q.RefusedCodes = append(q.RefusedCodes, RefusedCode{entered[fold(d.Code)], CodeNotCombinable})
		}
	}
	return []*Discount{exclusive}
}

// findCode returns the discount with a folded code, or nil.
func findCode(all []Discount, folded string) *Discount {
	at := slices.IndexFunc(all, func(d Discount) bool { return d.Code != "" && fold(d.Code) == folded })
	if at < 0 {
		return nil
	}
	return &all[at]
}

// findExclusive returns the discount that excludes the others, or nil: see Discount.Exclusive.
func findExclusive(chosen []*Discount) (exclusive *Discount) {
	for _, d := range chosen {
		if d.Exclusive && (exclusive == nil || exclusive.Code == "" && d.Code != "") {
			exclusive = d
		}
	}
	return exclusive
}

// discountLines reduces the lines by discounts, each by a part of what those before it left.
func (q *Quote) discountLines(lines []CartLine, chosen []*Discount) {
	q.Discounts = make([]AppliedDiscount, len(chosen))
	for i, d := range chosen {
		q.Discounts[i] = AppliedDiscount{ID: d.ID, Name: d.Name, Code: d.Code}
		var applicable []*Line
		for l := range lines {
			if d.appliesTo(lines[l]) {
				applicable = append(applicable, &q.Lines[l])
			}
		}
		for l, off := range d.reductions(applicable) {
			applicable[l].Discount += off
			q.Discounts[i].Amount += off
		}
	}
}

// reductions returns what the discount takes off each of the lines that it applies to.
func (d *Discount) reductions(lines []*Line) []int64 {
	switch d.Kind {
	case PercentOff:
		off := make([]int64, len(lines))
		for i, line := range lines {
			off[i] = share(line.remaining(), int64(d.Rate), int64(MaxRate))
		}
		return off
	case AmountOff:
		var sum int64
		portions := make([]portion, len(lines))
		for i, line := range lines {
			portions[i] = portion{line.ID, line.remaining()}
			sum += line.remaining()
		}
		return allocate(min(d.Amount, sum), portions)
	default:
		return nil
	}
}

// discountShipping reduces the price of shipping by the discounts for it.
func (q *Quote) discountShipping(chosen []*Discount) {
	for i, d := range chosen {
		if d.Kind == FreeShipping {
			off := q.Shipping.remaining()
			q.Shipping.Discount += off
			q.Discounts[i].Amount += off
		}
	}
}
