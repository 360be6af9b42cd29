package stripe

import (
	"context"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/money"
)

// payment returns the payment of a PaymentIntent whose latest charge is expanded, or the error of
// the request that returned it. The charge has the refunds, and whether there is a dispute; the
// state of the dispute needs another request.
func (p *Provider) payment(ctx context.Context, operation string, intent *stripego.PaymentIntent, err error) (provider.Payment, error) {
	if err != nil {
		return provider.Payment{}, p.failed(operation, err)
	}
	if intent == nil || provider.ValidateID(operation, intent.ID) != nil {
		return provider.Payment{}, provider.BadResponse(operation, "the response has no PaymentIntent")
	}
	state, known := stateOf(intent)
	if !known {
		return provider.Payment{}, provider.BadResponse(operation, "the status of the PaymentIntent is not known")
	}
	amounts := amountsOf(intent)
	if amounts.disputed {
		if err := p.addDisputes(ctx, operation, intent.ID, &amounts); err != nil {
			return provider.Payment{}, err
		}
	}
	payment := provider.Payment{
		ID: intent.ID, Reference: intent.Metadata[referenceKey], State: state,
		Amount:  money.Money{Currency: strings.ToUpper(string(intent.Currency))},
		Capture: captureMode(intent), Failure: failureCode(intent.LastPaymentError),
		CreatedAt: time.Unix(intent.Created, 0).UTC(), ExpiresAt: captureBefore(intent),
	}
	if err := amounts.convert(&payment); err != nil {
		return provider.Payment{}, provider.BadResponse(operation, err.Error())
	}
	if state == provider.Captured {
		payment.State = provider.Settled(payment.Captured, payment.Refunded)
		if amounts.open {
			payment.State = provider.Disputed
		}
	}
	if state == provider.Requested || state == provider.RequiresAction {
		payment.Next = nextAction(intent)
	}
	return payment, nil
}

// stateOf returns the state by the status of a PaymentIntent, without refunds and disputes.
func stateOf(intent *stripego.PaymentIntent) (state provider.State, known bool) {
	switch intent.Status {
	case stripego.PaymentIntentStatusRequiresPaymentMethod, stripego.PaymentIntentStatusRequiresConfirmation:
		return provider.Requested, true
	case stripego.PaymentIntentStatusRequiresAction:
		return provider.RequiresAction, true
	case stripego.PaymentIntentStatusProcessing:
		return provider.Processing, true
	case stripego.PaymentIntentStatusRequiresCapture:
		return provider.Authorized, true
	case stripego.PaymentIntentStatusSucceeded:
		return provider.Captured, true
	case stripego.PaymentIntentStatusCanceled:
		return canceledState(intent), true
	default:
		return "", false
	}
}

// canceledState returns the state of a canceled PaymentIntent. Stripe cancels one after too many
// declined cards, and an authorization that is not captured in time.
func canceledState(intent *stripego.PaymentIntent) provider.State {
	switch intent.CancellationReason {
	case stripego.PaymentIntentCancellationReasonExpired:
		return provider.Expired
	case stripego.PaymentIntentCancellationReasonAutomatic:
		if intent.LastPaymentError != nil {
			return provider.Declined
		}
		return provider.Expired
	default:
		return provider.Voided
	}
}

// amounts are the amounts of a payment in Stripe's units.
type amounts struct {
	total, captured, refunded int64
	// disputed is set if there is or was a dispute, open if one is not decided.
	disputed, open bool
}

// amountsOf returns the amounts of a PaymentIntent. Stripe counts the remainder that a partial
// capture releases as refunded: of 100.00 of which 40.00 are captured and 10.00 refunded,
// amount_refunded is 70.00.
func amountsOf(intent *stripego.PaymentIntent) amounts {
	a := amounts{total: intent.Amount, captured: intent.AmountReceived}
	if charge := intent.LatestCharge; charge != nil && intent.Status == stripego.PaymentIntentStatusSucceeded {
		a.refunded, a.disputed = charge.AmountRefunded, charge.Disputed
		if released := charge.Amount - charge.AmountCaptured; released > 0 && a.refunded >= released {
			a.refunded -= released
		}
	}
	return a
}

// addDisputes adds the disputes of a payment. A lost one counts as a refund.
func (p *Provider) addDisputes(ctx context.Context, operation, id string, a *amounts) error {
	list, err := p.api.listDisputes(ctx, &stripego.DisputeListParams{
		ListParams: stripego.ListParams{Limit: stripego.Int64(provider.MaxPageSize)}, PaymentIntent: &id,
	})
	if err != nil {
		// A write has had its effect. If it is repeated, its result is read again.
		return &provider.Error{Class: provider.WithoutOutcome(operation), Operation: operation, Err: p.failed(provider.OperationList, err)}
	}
	for _, dispute := range list.Data {
		switch dispute.Status {
		case stripego.DisputeStatusNeedsResponse, stripego.DisputeStatusUnderReview:
			a.open = true
		case stripego.DisputeStatusLost:
			a.refunded = min(a.refunded+dispute.Amount, a.captured)
		default: // won, prevented, or an inquiry, which moves no money
		}
	}
	return nil
}

// convert sets the amounts of a payment, whose currency is set.
func (a amounts) convert(payment *provider.Payment) (err error) {
	code := payment.Amount.Currency
	if payment.Amount.Amount, err = fromStripe(code, a.total); err != nil {
		return err
	}
	if payment.Captured, err = fromStripe(code, a.captured); err != nil {
		return err
	}
	payment.Refunded, err = fromStripe(code, a.refunded)
	return err
}

// captureMode returns the mode of a PaymentIntent. There is an asynchronous automatic one.
func captureMode(intent *stripego.PaymentIntent) provider.CaptureMode {
	if intent.CaptureMethod == stripego.PaymentIntentCaptureMethodManual {
		return provider.Manual
	}
	return provider.Automatic
}

// nextAction returns what the customer has to do.
func nextAction(intent *stripego.PaymentIntent) provider.NextAction {
	var next provider.NextAction
	if intent.ClientSecret != "" {
		next.ClientSecret = config.NewSecret(intent.ClientSecret)
	}
	if action := intent.NextAction; action != nil && action.RedirectToURL != nil {
		next.URL = action.RedirectToURL.URL
	}
	return next
}

// captureBefore returns when an authorization expires, zero if the card's network has not set it.
func captureBefore(intent *stripego.PaymentIntent) time.Time {
	charge := intent.LatestCharge
	if intent.Status != stripego.PaymentIntentStatusRequiresCapture || charge == nil || charge.PaymentMethodDetails == nil ||
		charge.PaymentMethodDetails.Card == nil || charge.PaymentMethodDetails.Card.CaptureBefore == 0 {
		return time.Time{}
	}
	return time.Unix(charge.PaymentMethodDetails.Card.CaptureBefore, 0).UTC()
}
