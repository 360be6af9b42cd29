package stripe

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	stripego "github.com/stripe/stripe-go/v85"

	"souk/functions/payment/provider"
)

// clientSecretMark is part of each client secret.
const clientSecretMark = "_secret_"

// failed returns the error of an operation. That of the library is not its cause, because it
// contains PaymentIntents with their client secrets, or the begin of a response.
func (p *Provider) failed(operation string, err error) error {
	if failure, ok := errors.AsType[*stripego.Error](err); ok {
		detail := ""
		if failure.HTTPStatusCode != http.StatusUnauthorized { // That one describes the key.
			detail = provider.Redact(failure.Msg, p.api.key.Reveal(), clientSecretMark)
		}
		if failure.RequestID != "" {
			detail = strings.TrimSpace(detail + " [" + provider.Redact(failure.RequestID, p.api.key.Reveal()) + "]")
		}
		return &provider.Error{
			Class: class(operation, failure), Operation: operation, Detail: detail,
			Code: provider.Redact(failureCode(failure), p.api.key.Reveal(), clientSecretMark),
		}
	}
	if isTransport(err) {
		return provider.NoResponse(operation, err)
	}
	return provider.BadResponse(operation, "the response is not as documented")
}

// class returns the class of an error: https://docs.stripe.com/error-low-level
func class(operation string, failure *stripego.Error) provider.Class {
	status := failure.HTTPStatusCode
	switch {
	case status >= http.StatusInternalServerError:
		return provider.WithoutOutcome(operation)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests,
		status == http.StatusConflict:
		// The API key is wrong, which an operator corrects; there are too many requests; or another
		// one with the key or for the payment is in progress.
		return provider.ClassTemporary
	case failure.Type == stripego.ErrorTypeCard, status == http.StatusPaymentRequired:
		return provider.ClassDeclined
	case failure.Type == stripego.ErrorTypeIdempotency:
		return provider.ClassConflict
	}
	switch failure.Code {
	case stripego.ErrorCodeIdempotencyKeyInUse, stripego.ErrorCodeLockTimeout, stripego.ErrorCodeRateLimit,
		stripego.ErrorCodePaymentIntentRateLimitExceeded:
		return provider.ClassTemporary
	case stripego.ErrorCodePaymentIntentUnexpectedState, stripego.ErrorCodeIntentInvalidState,
		stripego.ErrorCodeChargeAlreadyCaptured, stripego.ErrorCodeChargeAlreadyRefunded, stripego.ErrorCodeChargeDisputed,
		stripego.ErrorCodeChargeExpiredForCapture, stripego.ErrorCodeChargeNotRefundable,
		stripego.ErrorCodeCaptureChargeAuthorizationExpired, stripego.ErrorCodeCaptureUnauthorizedPayment,
		stripego.ErrorCodeRefundDisputedPayment:
		return provider.ClassConflict
	default:
		return provider.ClassInvalid
	}
}

// failureCode returns the most precise code of an error.
func failureCode(failure *stripego.Error) string {
	switch {
	case failure == nil:
		return ""
	case failure.DeclineCode != "":
		return string(failure.DeclineCode)
	case failure.Code != "":
		return string(failure.Code)
	default:
		return string(failure.Type)
	}
}

// isTransport reports whether an error is that of sending the request or of reading the response.
// The library's errors of decoding have no type.
func isTransport(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, provider.ErrTooLarge) || errors.Is(err, io.ErrUnexpectedEOF)
}
