package pricing

import "fmt"

// Line is the price of a line of the cart. Amounts are minor units.
type Line struct {
	ID        string `json:"id"`
	UnitPrice int64  `json:"unitPrice"`
	Quantity  int64  `json:"quantity"`
	Charge
}

// addLines adds the lines of a cart, and their sum, before discounts and tax.
func (q *Quote) addLines(lines []CartLine) error {
	q.Lines = make([]Line, len(lines))
	for i := range lines {
		in := &lines[i]
		amount, err := times(in.UnitPrice, in.Quantity)
		if err == nil {
			q.Subtotal, err = plus(q.Subtotal, amount)
		}
		if err != nil {
			return fmt.Errorf("amount of line %s: %w", in.ID, err)
		}
		q.Lines[i] = Line{ID: in.ID, UnitPrice: in.UnitPrice, Quantity: in.Quantity, Charge: Charge{Amount: amount}}
	}
	return nil
}

// remaining returns what discounts have left of the subtotal.
func (q *Quote) remaining() int64 {
	var sum int64
	for i := range q.Lines {
		sum += q.Lines[i].remaining()
	}
	return sum
}
