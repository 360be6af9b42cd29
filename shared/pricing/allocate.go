package pricing

import (
	"cmp"
	"math/bits"
	"slices"

	"souk/shared/money"
)

// share returns amount × part / whole, rounded half away from zero, where none is negative and
// part is at most whole. The product has 128 bits, so nothing overflows. A share of nothing
// (whole is 0) is 0.
func share(amount, part, whole int64) int64 {
	quotient, remainder := divide(amount, part, whole)
	if remainder > 0 && remainder >= whole-remainder {
		quotient++
	}
	return quotient
}

// divide returns the integral quotient of amount × part / whole, and the remainder.
func divide(amount, part, whole int64) (quotient, remainder int64) {
	if whole == 0 {
		return 0, 0
	}
	high, low := bits.Mul64(uint64(amount), uint64(part))
	q, r := bits.Div64(high, low, uint64(whole)) // does not panic: the quotient is at most amount
	return int64(q), int64(r)
}

// portion is a line that receives a part of an amount, in proportion to its weight.
type portion struct {
	id     string
	weight int64
}

// allocate divides an amount among portions by the method of the largest remainder: each
// receives the integral part of its share, and the units that remain go, one each, to the
// largest remainders. Among equal remainders the smaller id is first, so that the result does
// not depend on the order of the portions. The amount must be at most the sum of the weights;
// then no portion receives more than its weight.
func allocate(amount int64, portions []portion) []int64 {
	var whole int64
	for _, p := range portions {
		whole += p.weight
	}
	allocated, remainders, order := make([]int64, len(portions)), make([]int64, len(portions)), make([]int, len(portions))
	rest := amount
	for i, p := range portions {
		allocated[i], remainders[i] = divide(amount, p.weight, whole)
		rest -= allocated[i]
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(remainders[b], remainders[a]), cmp.Compare(portions[a].id, portions[b].id))
	})
	for _, i := range order[:rest] {
		allocated[i]++
	}
	return allocated
}

// plus returns the sum of amounts that are not negative, or money.ErrOverflow.
func plus(a, b int64) (int64, error) {
	sum, err := money.Money{Amount: a}.Plus(money.Money{Amount: b})
	return sum.Amount, err
}

// times returns the price, or the weight, of a quantity, or money.ErrOverflow.
func times(each, quantity int64) (int64, error) {
	product, err := money.Money{Amount: each}.Times(quantity)
	return product.Amount, err
}
