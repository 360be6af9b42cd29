package payment

import (
	"net/http"
	"time"
)

// form is the form of the payment page: errors by field, and the value that is shown again.
// Number and code of a card are never shown again.
type form struct {
	Expiry string
	Errors map[string]string
}

// Focus returns the first field with an error, which gets the focus.
func (f form) Focus() string {
	for _, name := range []string{"number", "expiry", "cvc"} {
		if f.Errors[name] != "" {
			return name
		}
	}
	return ""
}

// readCard returns the card of a submitted form, or the form with its errors.
func readCard(r *http.Request, now time.Time) (TestCard, form) {
	card, problem := findCard(r.PostFormValue("number"))
	f := form{Expiry: r.PostFormValue("expiry"), Errors: map[string]string{}}
	for name, text := range map[string]string{
		"number": problem, "expiry": checkExpiry(f.Expiry, now), "cvc": checkCVC(r.PostFormValue("cvc")),
	} {
		if text != "" {
			f.Errors[name] = text
		}
	}
	if len(f.Expiry) > 10 {
		f.Expiry = ""
	}
	return card, f
}

// show handles GET /pay/{token}.
func (h *hostedPage) show(w http.ResponseWriter, r *http.Request, e *entry) {
	switch e.State {
	case RequiresPayment:
		h.render(w, http.StatusOK, "form", e, sheet{Cards: TestCards()})
	case RequiresAction:
		http.Redirect(w, r, pagePath+e.Token+"/challenge", http.StatusSeeOther)
	default:
		title, text := describe(e)
		h.render(w, http.StatusOK, "result", e, sheet{Title: title, Text: text})
	}
}

// pay handles POST /pay/{token}.
func (h *hostedPage) pay(w http.ResponseWriter, r *http.Request, e *entry) (respond func()) {
	if e.State != RequiresPayment {
		return h.next(w, r, e, nil) // It was sent twice, or from an old page.
	}
	card, f := readCard(r, h.provider.options.Clock())
	if len(f.Errors) > 0 {
		return func() {
			h.render(w, http.StatusUnprocessableEntity, "form", e, sheet{Cards: TestCards(), Form: f})
		}
	}
	return h.submit(w, r, func(e *entry) (*entry, error) { return h.provider.attempt(e, card) }, RequiresPayment)
}

// showChallenge handles GET /pay/{token}/challenge.
func (h *hostedPage) showChallenge(w http.ResponseWriter, r *http.Request, e *entry) {
	if e.State != RequiresAction {
		http.Redirect(w, r, pagePath+e.Token, http.StatusSeeOther)
		return
	}
	h.render(w, http.StatusOK, "challenge", e, sheet{})
}

// endChallenge handles POST /pay/{token}/challenge.
func (h *hostedPage) endChallenge(w http.ResponseWriter, r *http.Request, e *entry) (respond func()) {
	result := r.PostFormValue("result")
	if e.State != RequiresAction || result != ChallengeApprove && result != ChallengeFail {
		return h.next(w, r, e, nil)
	}
	return h.submit(w, r, func(e *entry) (*entry, error) { return h.provider.challenge(e, result == ChallengeApprove) }, RequiresAction)
}

// submit changes a payment that is still in a state, and returns what the customer sees next.
func (h *hostedPage) submit(w http.ResponseWriter, r *http.Request, change func(*entry) (*entry, error), state State) (respond func()) {
	h.provider.mu.Lock()
	h.provider.advance()
	e := h.provider.payments[h.provider.tokens[r.PathValue("token")]]
	var err error
	if e.State == state {
		e, err = change(e)
	}
	h.provider.mu.Unlock()
	if err == nil {
		err = h.provider.sync()
	}
	return h.next(w, r, e, err)
}

// next returns the function that sends the customer on: to the shop after the payment, or to the
// page that the payment needs.
func (h *hostedPage) next(w http.ResponseWriter, r *http.Request, e *entry, err error) func() {
	return func() {
		if err != nil {
			h.provider.refuse(w, r, err)
			return
		}
		target := pagePath + e.Token
		switch e.State {
		case Authorized, Processing, Captured:
			target = returnURL(e)
		case RequiresAction:
			target += "/challenge"
		}
		http.Redirect(w, r, target, http.StatusSeeOther)
	}
}

// describe returns the title and text for a payment that cannot be paid.
func describe(e *entry) (title, text string) {
	switch e.State {
	case Authorized, Captured, Disputed:
		return "Payment received", "Thank you. There is nothing more to do here."
	case Processing:
		return "Payment in progress", "Your payment is being processed. There is nothing more to do here."
	case PartiallyRefunded, Refunded:
		return "Payment refunded", "The shop has returned all or a part of the amount to your card."
	case Declined:
		return "Payment declined", "No card was approved, and no money was taken. Return to the shop to start again."
	case Voided:
		return "Payment canceled", "The shop has canceled this payment. No money was taken."
	default:
		return "Payment expired", "This payment was not completed in time. No money was taken."
	}
}
