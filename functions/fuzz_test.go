package functions_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// target is a function with a valid request to it.
type target struct {
	s     *functiontest.Server
	f     manifest.Function
	valid functiontest.Request
}

// mustStartAll serves every service for a fuzz test.
func mustStartAll(f *testing.F) map[string]*functiontest.Server {
	f.Helper()
	slog.SetDefault(slog.New(slog.NewTextHandler(&errorLog, &slog.HandlerOptions{Level: slog.LevelError})))
	servers := map[string]*functiontest.Server{}
	for _, service := range functions.Manifest().Services() {
		definition := services[service]
		servers[service] = functiontest.Start(f, functions.Manifest(), service, definition.Build, definition.Migrations, environment(f))
	}
	return servers
}

// errorLog collects the errors that the services log.
var errorLog lockedText

// requireNoPanic requires that no function panicked, which clients cannot distinguish from
// other errors with status 500, and logs the errors of the services after a failure.
func requireNoPanic(t *testing.T) {
	t.Helper()
	text := errorLog.Take()
	if strings.Contains(text, "function panicked") {
		t.Error("a function panicked")
	}
	if t.Failed() {
		t.Log(text)
	}
}

// FuzzRequest sends the functions that clients call generated requests: pick selects the
// function, which gets a query, the headers If-Match and Prefer, and a body.
func FuzzRequest(f *testing.F) {
	servers := mustStartAll(f)
	var targets []target
	for _, entry := range functions.Manifest().Functions {
		if entry.HTTP == "" {
			continue
		}
		s := servers[entry.Service]
		valid := requestTo(f, s, entry, mustCreateCallerAs(f, s, entry, auth.Owner))
		body, isString := valid.Body.(string)
		if !isString && valid.Body != nil {
			body = mustJSON(f, valid.Body)
		}
		e, pick := mustFindExample(f, entry), uint8(len(targets))
		f.Add(pick, "", `"1"`, "wait=0", body)
		for name, value := range e.query {
			f.Add(pick, name+"="+value+"&pageSize=7", "*", "", body)
		}
		if e.paged {
			f.Add(pick, "pageToken=bnVsbA", "*", "", "")
		}
		targets = append(targets, target{s, entry, valid})
	}
	f.Fuzz(func(t *testing.T, pick uint8, query, ifMatch, prefer, body string) {
		defer requireNoPanic(t)
		at := targets[int(pick)%len(targets)]
		r := at.valid
		if values, err := url.ParseQuery(query); err == nil {
			r.Path += "?" + values.Encode()
		}
		r.Header = map[string]string{"If-Match": sendable(ifMatch), "Prefer": noWait(sendable(prefer))}
		if at.valid.Body != nil {
			r.Body = body
			r.Header["Content-Type"] = "application/json"
		}
		if media := examples[at.f.Name].media; media != "" {
			r.Header["Content-Type"] = media
		}
		requireWellFormed(t, at.f.Name, at.s.Do(t, r))
	})
}

// sendable returns the text without the characters that a header cannot contain.
func sendable(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text))
}

// noWait returns the preference without a wait: no consumer decides the orders of a fuzz
// test.
func noWait(prefer string) string {
	if strings.Contains(strings.ToLower(prefer), "wait") {
		return "wait=0"
	}
	return prefer
}

// payloads has a payload for each topic. FuzzEvent fails when one is missing.
var payloads = map[string]string{
	"order-placed":       `{"orderId":"%s","userId":"%s","items":[{"productId":"%s","quantity":2,"unitPrice":{"amount":1299,"currency":"EUR"}}],"total":{"amount":2598,"currency":"EUR"}}`,
	"order-cancelled":    `{"orderId":"%s","userId":"%s","reason":"by_customer","items":[],"total":{"amount":2598,"currency":"EUR"}}`,
	"stock-reserved":     `{"orderId":"%s"}`,
	"stock-rejected":     `{"orderId":"%s","productId":"%s","reason":"insufficient_stock"}`,
	"stock-low":          `{"productId":"%s","sku":"TEA","name":"Assam","available":4,"lowStockAt":5}`,
	"order-confirmed":    `{"orderId":"%s","userId":"%s","items":[],"total":{"amount":2598,"currency":"EUR"}}`,
	"order-rejected":     `{"orderId":"%s","userId":"%s","reason":"insufficient_stock","items":[],"total":{"amount":2598,"currency":"EUR"}}`,
	"shipment-created":   `{"orderId":"%s","userId":"%s","items":[],"total":{"amount":2598,"currency":"EUR"},"shipment":{"shipmentId":"%s","carrier":"DHL","lines":[{"productId":"%s","name":"Assam","quantity":1}],"complete":false}}`,
	"return-created":     `{"orderId":"%s","userId":"%s","returnId":"%s","lines":[{"productId":"%s","name":"Assam","quantity":1,"restock":false}],"refund":false,"refundShipping":false}`,
	"return-received":    `{"orderId":"%s","userId":"%s","returnId":"%s","lines":[{"productId":"%s","name":"Assam","quantity":1,"restock":true}],"refund":true,"refundShipping":false}`,
	"return-rejected":    `{"orderId":"%s","userId":"%s","returnId":"%s","lines":[],"refund":false,"refundShipping":false}`,
	"return-cancelled":   `{"orderId":"%s","userId":"%s","returnId":"%s","lines":[],"refund":false,"refundShipping":false}`,
	"order-shipped":      `{"orderId":"%s","userId":"%s","items":[],"total":{"amount":2598,"currency":"EUR"}}`,
	"order-delivered":    `{"orderId":"%s","userId":"%s","items":[],"total":{"amount":2598,"currency":"EUR"}}`,
	"password-changed":   `{"userId":"%s"}`,
	"payment-authorized": `{"orderId":"%s","userId":"%s","paymentId":"pay_1","authorizedAt":"2026-01-02T03:04:05Z","amount":{"amount":2598,"currency":"EUR"}}`,
	"payment-captured":   `{"orderId":"%s","userId":"%s","paymentId":"pay_1","amount":{"amount":2598,"currency":"EUR"}}`,
	"payment-refunded":   `{"orderId":"%s","userId":"%s","paymentId":"pay_1","refundId":"%s","amount":{"amount":1,"currency":"EUR"},"refunded":{"amount":1,"currency":"EUR"},"lines":[]}`,
	"invoice-issued":     `{"invoiceId":"%s","orderId":"%s","userId":"%s","kind":"invoice","number":"2026-000001","total":{"amount":2598,"currency":"EUR"}}`,
	"order-adopted":      `{"orderId":"%s","userId":"%s","payment":"required"}`,
	"payment-disputed":   `{"orderId":"%s","userId":"%s","paymentId":"pay_1","outcome":"opened","amount":{"amount":2598,"currency":"EUR"}}`,
	"api-key-changed":    `{"keyId":"%s","version":1,"scopes":["orders.read"],"secrets":[{"hash":"0000000000000000000000000000000000000000000000000000000000000000"}]}`,
	"api-key-used":       `{"uses":[{"keyId":"%s","usedAt":"2026-01-02T03:00:00Z"}]}`,
	"webhook-due":        `{"endpointId":"%s"}`,
	"webhook-disabled":   `{"endpointId":"%s","url":"https://example.com/hook","reason":"failing","failingSince":"2026-01-02T03:04:05Z"}`,
	"payment-failed":     `{"orderId":"%s","userId":"%s","amount":{"amount":2598,"currency":"EUR"},"reason":"declined"}`,

	"registration-requested":   `{"registrationId":"%s"}`,
	"password-reset-requested": `{"resetId":"%s"}`,
	"email-change-requested":   `{"changeId":"%s"}`,
	"email-changed":            `{"userId":"%s","changeId":"%s"}`,
	"second-factor-changed":    `{"userId":"%s","change":"totp_added"}`,
	"email-confirmed":          `{"userId":"%s","emailId":"%s"}`,
	"user-deleted":             `{"userId":"%s"}`,
	"access-revoked":           `{"userId":"%s","rightsVersion":2}`,
	"product-changed":          `{"productId":"%s","sku":"SKU","name":"Assam","price":{"amount":1299,"currency":"EUR"},"status":"active","version":1}`,
}

// FuzzEvent sends the functions that Pub/Sub calls generated events: a payload in a valid
// envelope or, if raw, a complete body. The response to a payload that cannot be processed
// is a 500, so that Pub/Sub moves it to the dead letters in the end; any other error is a
// defect of the function.
func FuzzEvent(f *testing.F) {
	servers := mustStartAll(f)
	type subscription struct {
		function, topic string
		s               *functiontest.Server
	}
	var subscriptions []subscription
	for _, entry := range functions.Manifest().Functions {
		for _, topic := range entry.Topics() {
			payload := payloads[topic]
			if payload == "" && entry.Schedule == "" {
				f.Fatalf("%s has no payload: add one to payloads (functions/fuzz_test.go)", topic)
			}
			pick := uint8(len(subscriptions))
			f.Add(pick, false, strings.ReplaceAll(payload, "%s", missingID.String()))
			f.Add(pick, true, `{"message":{"data":"e30=","attributes":{"id":"`+uuid.NewString()+`","type":"`+topic+
				`","time":"2026-01-01T00:00:00Z","aggregateId":"`+missingID.String()+`"},"messageId":"1"},"subscription":"s","deliveryAttempt":1}`)
			subscriptions = append(subscriptions, subscription{entry.Name, topic, servers[entry.Service]})
		}
	}
	f.Fuzz(func(t *testing.T, pick uint8, raw bool, text string) {
		defer requireNoPanic(t)
		to := subscriptions[int(pick)%len(subscriptions)]
		var response functiontest.Response
		if raw {
			response = to.s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/" + to.function, Token: to.s.Tokens.Push(t), Body: text})
		} else {
			event := functiontest.NewEvent(t, to.topic, object{})
			event.Payload = []byte(text)
			response = to.s.DeliverUnchecked(t, to.function, event)
		}
		switch response.Status {
		case http.StatusNoContent:
		case http.StatusInternalServerError:
			response.MustBeProblem(t, http.StatusInternalServerError, "internal")
		default:
			requireRefusal(t, to.function, response, http.StatusBadRequest)
		}
	})
}
