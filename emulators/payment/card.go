package payment

import (
	"strings"
	"time"
)

// TestCard is a card number with its behavior.
type TestCard struct {
	Number, Brand, Behavior string
	// failure is why the card is declined, empty if it is approved.
	failure Failure
	// challenge is set for a card that needs 3-D Secure; late for one whose captures take
	// effect later.
	challenge, late bool
}

// Numbers of test cards. They pass the Luhn check and belong to no account.
const (
	CardApproved          = "4242424242424242"
	CardApprovedOther     = "5555555555554444"
	CardChallenge         = "4000000000003220"
	CardLate              = "4000000000000077"
	CardDeclined          = "4000000000000002"
	CardInsufficientFunds = "4000000000009995"
	CardExpired           = "4000000000000069"
)

// TestCards returns the cards that the provider accepts.
func TestCards() []TestCard {
	return []TestCard{
		{Number: CardApproved, Brand: "Visa", Behavior: "Approved"},
		{Number: CardApprovedOther, Brand: "Mastercard", Behavior: "Approved"},
		{Number: CardChallenge, Brand: "Visa", Behavior: "3-D Secure challenge", challenge: true},
		{Number: CardLate, Brand: "Visa", Behavior: "Approved, captured later", late: true},
		{Number: CardDeclined, Brand: "Visa", Behavior: "Declined", failure: Failure{"card_declined", "The card was declined."}},
		{Number: CardInsufficientFunds, Brand: "Visa", Behavior: "Insufficient funds", failure: Failure{"insufficient_funds", "The card has insufficient funds."}},
		{Number: CardExpired, Brand: "Visa", Behavior: "Expired card", failure: Failure{"expired_card", "The card has expired."}},
	}
}

// Spaced returns the number in groups of four digits.
func (c TestCard) Spaced() string {
	var groups []string
	for number := c.Number; number != ""; number = number[min(4, len(number)):] {
		groups = append(groups, number[:min(4, len(number))])
	}
	return strings.Join(groups, " ")
}

// stored returns what is stored of the card.
func (c TestCard) stored() *Card { return &Card{Brand: c.Brand, Last4: c.Number[len(c.Number)-4:]} }

// findCard returns the test card of a number as a customer types it. The text describes the
// error of the number otherwise. It never contains the number.
func findCard(typed string) (card TestCard, text string) {
	number := strings.NewReplacer(" ", "", "-", "").Replace(typed)
	switch {
	case number == "":
		return card, "Enter the number of the card."
	case !isDigits(number) || len(number) < 12 || len(number) > 19 || !luhn(number):
		return card, "This is not a card number. Check the digits."
	}
	for _, c := range TestCards() {
		if c.Number == number {
			return c, ""
		}
	}
	return card, "Only the test cards below are accepted. Do not enter a real card."
}

// luhn reports whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B).
func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		digit := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			digit *= 2
			digit = digit/10 + digit%10
		}
		sum += digit
	}
	return sum%10 == 0
}

// checkExpiry returns the error of a date such as 12/29, which is valid to the end of its month.
func checkExpiry(typed string, now time.Time) string {
	typed = strings.ReplaceAll(typed, " ", "")
	if typed == "" {
		return "Enter the expiry date of the card."
	}
	end, err := time.Parse("01/06", typed)
	if err != nil {
		return "Enter month and year, such as 08/30."
	}
	if !now.Before(end.AddDate(0, 1, 0)) {
		return "This date is in the past."
	}
	return ""
}

// checkCVC returns the error of a security code.
func checkCVC(typed string) string {
	switch {
	case typed == "":
		return "Enter the security code of the card."
	case len(typed) != 3 || !isDigits(typed):
		return "The security code has three digits."
	}
	return ""
}

func isDigits(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}
