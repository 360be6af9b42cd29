package user

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// prober sends the same sequences of logins about several accounts, each from
// networks of its own, with nothing else to tell them apart.
type prober struct {
	server

	target string // the account that is probed
	number int    // of the probed account: makes its networks
}

func (p prober) network(n int) string { return fmt.Sprintf("10.%d.%d.1", p.number, n) }

// wrong tries a wrong password, and returns the whole response.
func (p prober) wrong(t *testing.T, network int, email string) string {
	t.Helper()
	return whole(t, p.signInFrom(t, p.network(network), email, "wrong"))
}

// unknown is an address that nobody else probes.
func (p prober) unknown(n int) string { return fmt.Sprintf("unknown-%d-%d@example.com", p.number, n) }

// whole is all that a client can see of a response, less the time and what is random:
// the ids of request and trace.
func whole(t *testing.T, r functiontest.Response) string {
	t.Helper()
	var p struct{ TraceID string }
	if err := json.Unmarshal(r.Body, &p); err != nil {
		t.Fatalf("decode %s: %v", r.Body, err)
	}
	var text strings.Builder
	fmt.Fprintln(&text, r.Status, string(r.Body))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name != "Date" && name != "X-Request-Id" {
			fmt.Fprintln(&text, name, r.Header[name])
		}
	}
	return strings.ReplaceAll(text.String(), p.TraceID, "TRACE")
}

// Whatever limits are used up, responses to wrong passwords do not depend on whether
// the account exists, or is used from the network they come from.
func TestLoginResponsesDoNotDependOnTheAccount(t *testing.T) {
	t.Parallel()
	// Each try that is checked takes a hash: few of them reach the limits here. Times are
	// in the responses: all requests come at once.
	settings := config.Environment{
		"USER_LOGIN_WINDOW": "24h", "USER_LOGIN_TRIES": "2", "USER_LOGIN_TRIES_PER_NETWORK": "4", "USER_LOGIN_TRIES_PER_ACCOUNT": "3",
	}
	s := openWith(t, settings, functiontest.WithClock(clock.Fixed(clock.System().Truncate(time.Second))))
	useUpNetwork := func(t *testing.T, p prober) {
		for n := range 4 {
			p.wrong(t, 0, p.unknown(n))
		}
	}
	useUpAccount := func(t *testing.T, p prober) {
		for n := range 3 {
			p.wrong(t, 100+n, p.target)
		}
	}
	number := 0
	for name, useUp := range map[string]func(*testing.T, prober){
		"no limit":      func(*testing.T, prober) {},
		"the network's": useUpNetwork,
		"the account's": useUpAccount,
		"both":          func(t *testing.T, p prober) { useUpNetwork(t, p); useUpAccount(t, p) },
		"the pair's": func(t *testing.T, p prober) {
			for range 2 {
				p.wrong(t, 0, p.target)
			}
		},
	} {
		var probers []prober
		for _, kind := range []string{"missing", "strange", "familiar"} {
			number++
			p := prober{server: s, target: fmt.Sprintf("%s-%d@example.com", kind, number), number: number}
			if kind != "missing" {
				s.mustRegister(t, p.target)
			}
			if kind == "familiar" {
				s.signInFrom(t, p.network(0), p.target, goodPassword).MustBe(t, 201)
			}
			probers = append(probers, p)
		}
		t.Run(name+" used up", func(t *testing.T) {
			t.Parallel()
			want := ""
			for _, p := range probers {
				useUp(t, p)
				got := sequence(t, p)
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s differs from %s:\n%s\nwant\n%s", p.target, probers[0].target, got, want)
				}
			}
		})
	}
}

// sequence is what an attacker sees who tries the account more often than any limit
// allows, and then measures what is left of the network's and the account's.
func sequence(t *testing.T, p prober) string {
	t.Helper()
	var seen strings.Builder
	for range 3 {
		seen.WriteString(p.wrong(t, 0, p.target))
	}
	for n := range 5 {
		seen.WriteString(p.wrong(t, 0, p.unknown(50+n)))
	}
	for n := range 4 {
		seen.WriteString(p.wrong(t, 200+n, p.target))
	}
	return seen.String()
}
