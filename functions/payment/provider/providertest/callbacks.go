package providertest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"souk/functions/payment/provider"
)

// mustCallback returns the last callback of a payment that was refunded.
func (f *fixture) mustCallback() Request {
	f.Helper()
	id := f.mustCapture()
	if _, err := f.Provider.Refund(f.Context(), id, eur(1_000), f.key()); err != nil {
		f.Fatal(err)
	}
	callbacks := f.Callbacks()
	if len(callbacks) == 0 {
		f.Fatal("there is no callback")
	}
	return callbacks[len(callbacks)-1]
}

// testCallbacks applies the callbacks of a payment in reverse order, each twice, as the package's
// comment describes. The result is the payment as it is.
func testCallbacks(f *fixture) {
	id := f.mustPay(provider.Manual)
	if _, err := f.Provider.Capture(f.Context(), id, eur(10_000), f.key()); err != nil {
		f.Fatal(err)
	}
	if _, err := f.Provider.Refund(f.Context(), id, eur(1_000), f.key()); err != nil {
		f.Fatal(err)
	}
	callbacks := f.Callbacks()
	if len(callbacks) < 3 {
		f.Fatalf("there are %d callbacks", len(callbacks))
	}
	slices.Reverse(callbacks)
	var stored provider.Payment
	ids := map[string]bool{}
	for _, request := range slices.Concat(callbacks, callbacks) {
		callback, err := f.Provider.ParseCallback(request.Header, request.Body, f.Now())
		if err != nil {
			f.Fatal(err)
		}
		if callback.ID == "" || callback.Type == "" || callback.CreatedAt.Sub(f.Now()).Abs() > time.Minute || callback.Payment.ID != id {
			f.Errorf("got %+v", callback)
		}
		ids[callback.ID] = true
		switch {
		case callback.Payment.Version == 0:
			stored = f.get(callback.Payment.ID)
		case callback.Payment.Version > stored.Version:
			stored = callback.Payment
		}
	}
	if len(ids) != len(callbacks) {
		f.Errorf("%d callbacks have %d ids", len(callbacks), len(ids))
	}
	if stored.State != provider.PartiallyRefunded || stored.Captured != 10_000 || stored.Refunded != 1_000 {
		f.Errorf("the stored payment is %+v", stored)
	}
}

// requireForged requires that a callback is refused because of its signature.
func (f *fixture) requireForged(name string, header http.Header, body []byte, now time.Time) {
	f.Helper()
	callback, err := f.Provider.ParseCallback(header, body, now)
	if !errors.Is(err, provider.ErrSignature) || callback.ID != "" {
		f.Errorf("%s: got %+v, %v", name, callback, err)
	}
	f.requireNoSecret(err)
}

func testForgedCallbacks(f *fixture) {
	request := f.mustCallback()
	now := f.Now()
	for i := range request.Body {
		changed := slices.Clone(request.Body)
		changed[i] ^= 1
		f.requireForged(fmt.Sprintf("byte %d", i), request.Header, changed, now)
	}
	f.requireForged("a byte more", request.Header, append(slices.Clone(request.Body), ' '), now)
	f.requireForged("a byte less", request.Header, request.Body[:len(request.Body)-1], now)
	f.requireForged("no body", request.Header, nil, now)
	f.requireForged("no header", http.Header{}, request.Body, now)
	f.requireForged("another secret", f.Sign("another", now, request.Body), request.Body, now)
	f.requireForged("an empty secret", f.Sign("", now, request.Body), request.Body, now)
	giant := append(slices.Clone(request.Body), strings.Repeat(" ", provider.MaxCallback)...)
	f.requireForged("a giant body", f.Sign(OldSecret, now, giant), giant, now)

	name, value := headerOf(request)
	for change, changed := range map[string]string{
		"an empty header":     "",
		"no signature":        strings.Split(value, ",")[0],
		"another version":     strings.ReplaceAll(value, "v1=", "v0="),
		"no time":             value[strings.Index(value, ",")+1:],
		"a time with a sign":  strings.Replace(value, "t=", "t=+", 1),
		"a time with a zero":  strings.Replace(value, "t=", "t=0", 1),
		"another time":        strings.Replace(value, "t=", "t=1", 1),
		"a time in front":     fmt.Sprintf("t=%d,%s", now.Unix()+1, value),
		"a time at the end":   fmt.Sprintf("%s,t=%d", value, now.Unix()+1),
		"half of a signature": value[:len(value)-32],
		"not hexadecimal":     value[:len(value)-1] + "g",
	} {
		f.requireForged(change, http.Header{name: {changed}}, request.Body, now)
	}
	f.requireForged("two headers", http.Header{name: {value, value}}, request.Body, now)
}

// headerOf returns the header with the signature of a callback.
func headerOf(request Request) (name, value string) {
	for name, values := range request.Header {
		if strings.HasSuffix(name, "-Signature") {
			return name, values[0]
		}
	}
	return "", ""
}

func testCallbackTimes(f *fixture) {
	request := f.mustCallback()
	at := f.Now().Truncate(time.Second)
	header := f.Sign(OldSecret, at, request.Body)
	for _, age := range []time.Duration{-provider.Tolerance, 0, provider.Tolerance} {
		if _, err := f.Provider.ParseCallback(header, request.Body, at.Add(age)); err != nil {
			f.Errorf("after %s: %v", age, err)
		}
	}
	for _, age := range []time.Duration{-provider.Tolerance - time.Second, provider.Tolerance + time.Second, 1000 * time.Hour} {
		f.requireForged("after "+age.String(), header, request.Body, at.Add(age))
	}
	// A recorded callback with a new time beside its own.
	name, value := headerOf(Request{Header: header})
	later := at.Add(time.Hour)
	for _, both := range []string{fmt.Sprintf("t=%d,%s", later.Unix(), value), fmt.Sprintf("%s,t=%d", value, later.Unix())} {
		f.requireForged("a second time", http.Header{name: {both}}, request.Body, later)
	}
}

func testRotation(f *fixture) {
	request := f.mustCallback()
	now := f.Now()
	for _, secret := range []string{OldSecret, NewSecret} {
		if _, err := f.Provider.ParseCallback(f.Sign(secret, now, request.Body), request.Body, now); err != nil {
			f.Errorf("a callback with one of two secrets: %v", err)
		}
	}
	// The provider signs with several secrets while one is rotated.
	name, value := headerOf(Request{Header: f.Sign("removed", now, request.Body)})
	_, valid := headerOf(Request{Header: f.Sign(NewSecret, now, request.Body)})
	both := value + valid[strings.Index(valid, ","):]
	if _, err := f.Provider.ParseCallback(http.Header{name: {both}}, request.Body, now); err != nil {
		f.Errorf("a callback with two signatures: %v", err)
	}
}
