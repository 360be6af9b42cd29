package order

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"souk/shared/api"
	"souk/shared/pricing"
)

// codeProblems are the descriptions of the reasons for which a discount code does not apply.
var codeProblems = map[pricing.CodeProblem]string{
	pricing.CodeUnknown:        "does not exist",
	pricing.CodeNotYetValid:    "is not valid yet",
	pricing.CodeExpired:        "is no longer valid",
	pricing.CodeNeedsAccount:   "is for customers with an account: sign in, and create a checkout of the account",
	pricing.CodeUsedUp:         "was used as often as it can be",
	pricing.CodeUsedByCustomer: "was used as often as one customer can use it",
	pricing.CodeMinimumTotal:   "needs an order of a higher value",
	pricing.CodeNotForThese:    "is for other products",
	pricing.CodeNotCombinable:  "cannot be combined with the other discounts of the order",
}

// newCodes returns the different codes that are not among those before, in the form in which they are compared.
func newCodes(codes, before []string) map[string]bool {
	entered := map[string]bool{}
	for _, code := range codes {
		entered[pricing.FoldCode(code)] = true
	}
	for _, code := range before {
		delete(entered, pricing.FoldCode(code))
	}
	return entered
}

// countRefused returns how many of the entered codes a quote refuses.
func countRefused(entered map[string]bool, quote *pricing.Quote) (count int) {
	for _, refused := range quote.RefusedCodes {
		if entered[pricing.FoldCode(refused.Code)] {
			count++
		}
	}
	return count
}

// codeRefused returns the problem for discount codes that do not apply. Its code is that of the
// first one.
func codeRefused(codes []string, refused []pricing.RefusedCode) *api.Problem {
	problem := api.NewProblem(http.StatusConflict, discountProblemCode(refused[0].Problem),
		"The discount code %s %s. Order without it.", refused[0].Code, codeProblems[refused[0].Problem])
	for _, r := range refused {
		problem.Errors = append(problem.Errors, api.FieldError{
			Location: fmt.Sprintf("body.discountCodes[%d]", slices.Index(codes, r.Code)), Code: api.FieldValue, Message: codeProblems[r.Problem],
		})
	}
	return problem
}

func discountProblemCode(problem pricing.CodeProblem) string {
	return "discount_code_" + string(problem)
}

// shippingProblems are the descriptions of the reasons for which an order cannot be shipped.
var shippingProblems = map[pricing.ShippingProblem]string{
	pricing.NoAddress:         "The shop ships the order. Send shippingAddress.",
	pricing.NoZone:            "The shop does not ship to the address. Send another shippingAddress.",
	pricing.NoMethod:          "The shop does not ship these products to the address. Send another shippingAddress, or order less.",
	pricing.NotChosen:         "Send as shippingMethod one of: ",
	pricing.MethodUnavailable: "The shipping method is not available for the order. Send as shippingMethod one of: ",
}

// notShippable returns the problem for an order that cannot be shipped.
func notShippable(s *pricing.Shipping) *api.Problem {
	methods := make([]string, len(s.Options))
	for i, option := range s.Options {
		methods[i] = option.Method
	}
	return api.NewProblem(http.StatusConflict, shippingProblemCode(s.Problem), "%s", shippingProblems[s.Problem]+strings.Join(methods, ", "))
}

func shippingProblemCode(problem pricing.ShippingProblem) string {
	return "shipping_" + string(problem)
}

// orderProblemCodes returns the codes of the problems for which a cart that has a price cannot be
// ordered.
func orderProblemCodes() (codes []string) {
	for problem := range codeProblems {
		codes = append(codes, discountProblemCode(problem))
	}
	for problem := range shippingProblems {
		codes = append(codes, shippingProblemCode(problem))
	}
	slices.Sort(codes)
	return codes
}
