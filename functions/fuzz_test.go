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

// target is a function that is ready to be asked again and again.
type target struct {
	s    *functiontest.Server
	f    manifest.Function
	good functiontest.Request
}

// mustStartAll serves every service for a fuzz test.
func mustStartAll(f *testing.F) map[string]*functiontest.Server {
	f.Helper()
	slog.SetDefault(slog.New(slog.NewTextHandler(&errorLog, &slog.HandlerOptions{Level: slog.LevelError})))
	servers := map[string]*functiontest.Server{}
	for _, service := range functions.Manifest().Services() {
		of := services[service]
		servers[service] = functiontest.Start(f, functions.Manifest(), service, of.build, of.migrations, environment(f))
	}
	return servers
}

// errorLog keeps what the services log as errors, to be told of a failure.
var errorLog lockedText

// mustNotPanic fails a fuzz test whose function panicked, which is a 500 like
// others to who asked, and tells what the services logged when it failed.
func mustNotPanic(t *testing.T) {
	t.Helper()
	text := errorLog.Take()
	if strings.Contains(text, "the function panicked") {
		t.Error("the function panicked")
	}
	if t.Failed() {
		t.Log(text)
	}
}

// FuzzRequest sends every function that clients call what may be a request: the
// one that pick names gets a query, an If-Match and a Prefer, and a body.
func FuzzRequest(f *testing.F) {
	servers := mustStartAll(f)
	var targets []target
	for _, entry := range functions.Manifest().Functions {
		if entry.HTTP == "" {
			continue
		}
		s := servers[entry.Service]
		good := requestTo(f, s, entry, mustEnterAs(f, s, entry, auth.Admin))
		body, is := good.Body.(string)
		if !is && good.Body != nil {
			body = mustJSON(f, good.Body)
		}
		e, pick := examples[entry.Name], uint8(len(targets))
		f.Add(pick, "", `"1"`, "wait=0", body)
		for name, value := range e.query {
			f.Add(pick, name+"="+value+"&pageSize=7", "*", "", body)
		}
		if e.paged {
			f.Add(pick, "pageToken=bnVsbA", "*", "", "")
		}
		targets = append(targets, target{s, entry, good})
	}
	f.Fuzz(func(t *testing.T, pick uint8, query, ifMatch, prefer, body string) {
		defer mustNotPanic(t)
		at := targets[int(pick)%len(targets)]
		r := at.good
		if values, err := url.ParseQuery(query); err == nil {
			r.Path += "?" + values.Encode()
		}
		r.Header = map[string]string{"If-Match": sendable(ifMatch), "Prefer": noWait(sendable(prefer))}
		if at.good.Body != nil {
			r.Body = body
			r.Header["Content-Type"] = "application/json"
		}
		if media := examples[at.f.Name].media; media != "" {
			r.Header["Content-Type"] = media
		}
		mustBeSound(t, at.f.Name, at.s.Do(t, r))
	})
}

// sendable returns the text without what no client can send in a header.
func sendable(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text))
}

// noWait keeps a fuzzer from waiting for orders that nobody decides.
func noWait(prefer string) string {
	if strings.Contains(strings.ToLower(prefer), "wait") {
		return "wait=0"
	}
	return prefer
}

// payloads is an event of each topic. FuzzEvent fails when one is missing.
var payloads = map[string]string{
	"order-placed":     `{"orderId":"%s","userId":"%s","items":[{"productId":"%s","quantity":2,"unitPrice":{"amount":1299,"currency":"EUR"}}],"total":{"amount":2598,"currency":"EUR"}}`,
	"order-cancelled":  `{"orderId":"%s","userId":"%s","reason":"by_customer"}`,
	"stock-reserved":   `{"orderId":"%s"}`,
	"stock-rejected":   `{"orderId":"%s","productId":"%s","reason":"insufficient_stock"}`,
	"order-confirmed":  `{"orderId":"%s","userId":"%s"}`,
	"order-rejected":   `{"orderId":"%s","userId":"%s","reason":"insufficient_stock"}`,
	"order-shipped":    `{"orderId":"%s","userId":"%s"}`,
	"order-delivered":  `{"orderId":"%s","userId":"%s"}`,
	"password-changed": `{"userId":"%s"}`,

	"registration-requested":   `{"registrationId":"%s"}`,
	"password-reset-requested": `{"resetId":"%s"}`,
	"user-deleted":             `{"userId":"%s"}`,
	"access-revoked":           `{"userId":"%s","rightsVersion":2}`,
	"product-changed":          `{"productId":"%s","sku":"SKU","name":"Assam","price":{"amount":1299,"currency":"EUR"},"status":"active","version":1}`,
}

// FuzzEvent sends every function that Pub/Sub calls what may be one of its events:
// a payload in a good envelope or, if raw, a whole body. A payload that cannot be
// carried out is a 500, so that Pub/Sub takes it to the dead letters in the end;
// anything else that goes wrong is a fault of the function.
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
				f.Fatalf("there is no payload of %s: add one to payloads (functions/fuzz_test.go)", topic)
			}
			pick := uint8(len(subscriptions))
			f.Add(pick, false, strings.ReplaceAll(payload, "%s", someone.String()))
			f.Add(pick, true, `{"message":{"data":"e30=","attributes":{"id":"`+uuid.NewString()+`","type":"`+topic+
				`","time":"2026-01-01T00:00:00Z","aggregateId":"`+someone.String()+`"},"messageId":"1"},"subscription":"s","deliveryAttempt":1}`)
			subscriptions = append(subscriptions, subscription{entry.Name, topic, servers[entry.Service]})
		}
	}
	f.Fuzz(func(t *testing.T, pick uint8, raw bool, text string) {
		defer mustNotPanic(t)
		to := subscriptions[int(pick)%len(subscriptions)]
		var answer functiontest.Response
		if raw {
			answer = to.s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/" + to.function, Token: to.s.Tokens.Push(t), Body: text})
		} else {
			event := functiontest.NewEvent(t, to.topic, object{})
			event.Payload = []byte(text)
			answer = to.s.DeliverUnchecked(t, to.function, event)
		}
		switch answer.Status {
		case http.StatusNoContent:
		case http.StatusInternalServerError:
			answer.MustBeProblem(t, http.StatusInternalServerError, "internal")
		default:
			mustRefuse(t, to.function, answer, http.StatusBadRequest)
		}
	})
}
