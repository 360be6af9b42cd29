// Package payment is a card payment provider on one machine: an HTTP API, a hosted payment
// page with test cards, signed callbacks, and faults on request. It moves no money and accepts
// no real card. Names and formats are its own; the behavior is that of common card providers.
//
// # API
//
// Requests have the header Authorization: Bearer KEY, and every POST an Idempotency-Key: the
// same key and request within 24 hours get the stored response with Idempotency-Replayed:
// true, another request with the key a 422. Only requests with an effect are stored. Errors are
// problem details (RFC 9457). Amounts are in minor units of the currency.
//
//	POST /v1/payments                  create: amount, currency, reference, returnUrl, capture (automatic or manual)
//	GET  /v1/payments                  list in order of creation: since, reference, state, pageSize, pageToken
//	GET  /v1/payments/{id}             read
//	POST /v1/payments/{id}/capture     capture amount, or all; what is not captured is released
//	POST /v1/payments/{id}/void        cancel a payment that is not captured
//	POST /v1/payments/{id}/refunds     refund amount, or all that is not refunded; repeatable
//	GET  /v1/events                    list in order of occurrence, with the deliveries: since, payment, delivered
//	GET  /v1/books                     captured and refunded amounts by currency
//
// All writes return the payment. Its version grows with each change, so that a client can
// order what it receives.
//
// # Payment page
//
// The customer pays at the payment's pageUrl, whose path is unguessable, and is redirected to
// returnUrl with the parameter payment. TestCards lists the cards. The state machine is in
// state.go. A payment can be paid for 24 hours, an authorization captured for 7 days; after
// Options.MaxAttempts declined cards the payment is declined.
//
// # Callbacks
//
// Each change is an event, which is posted to the webhook URL until a 2xx response:
//
//	{"id": "evt_...", "type": "payment.captured", "createdAt": "...", "payment": {...}}
//
// The type is payment. and the state, except payment.attempt_failed: a declined card that
// leaves the payment payable. The header Payment-Signature is described at Sign. Deliveries may
// be repeated and may arrive in any order.
//
// # Faults and control
//
// The routes below need no key, but a connection from a loopback address. In Go: Provider.Inject,
// Provider.Pay and Provider.Dispute.
//
//	POST   /control/faults                  inject a Fault
//	GET    /control/faults                  list the faults that remain
//	DELETE /control/faults                  remove them
//	POST   /control/payments/{id}/pay       pay without the page: number, challenge (approve or fail)
//	POST   /control/payments/{id}/dispute   outcome: opened, won or lost
//
// Go's http.Transport repeats a request with an Idempotency-Key if a reused connection closes
// before the first byte of the response. The server therefore sends some bytes of a response
// before it closes a connection for a fault, so that one fault is seen as one.
//
// # Time and storage
//
// With Options.Clock and Options.Wait the provider reads no wall time: what is due happens with
// the next request or Deliver. Provider is an http.Handler and, by Transport, an
// http.RoundTripper, for tests in one process. Start adds a listener and delivers in the
// background.
//
// With Options.Dir each change is in a journal, synced before its response. A kill at any time
// loses no acknowledged change. The journal is not compacted: the bounds of payments and of
// changes per payment limit it.
//
//	state.go    transitions            payment.go   payment and its record
//	create.go   create                 settle.go    capture, void, refund, dispute
//	pay.go      cards and challenges   card.go      test cards
//	commit.go   changes of the state   due.go       what happens at a time
//	journal.go  the file               books.go     totals
//	api.go      routes                 request.go   decoding and idempotency
//	list.go     lists                  control.go   control routes
//	fault.go    faults                 respond.go   faults in responses
//	queue.go    pending callbacks      deliver.go   requests to the webhook
//	page.go     payment page           form.go      its form
package payment
