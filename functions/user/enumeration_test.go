package user

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/functions/fixtures"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// prober sends a sequence of logins for an account. Several probers send the same sequence
// for different accounts, from different networks.
type prober struct {
	server

	target string // the account that is probed
	number int    // identifies the networks of the prober
}

func (p prober) network(n int) string { return fmt.Sprintf("10.%d.%d.1", p.number, n) }

// wrong sends a wrong password, and returns the complete response.
func (p prober) wrong(t *testing.T, network int, email string) string {
	t.Helper()
	return fullResponse(t, p.signInFrom(t, p.network(network), email, "wrong"))
}

// unknown returns an address without an account that no other prober uses.
func (p prober) unknown(n int) string { return fmt.Sprintf("unknown-%d-%d@example.com", p.number, n) }

// fullResponse returns all that a client can see of a response, except for the time and the
// random ids of the request and the trace.
func fullResponse(t *testing.T, r functiontest.Response) string {
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

// Whichever limits are spent, responses to wrong passwords do not depend on whether the
// account exists or was signed in to from the same network.
func TestLoginResponsesDoNotDependOnTheAccount(t *testing.T) {
	t.Parallel()
	// Each attempt that is checked takes a hash, so the limits are low. The clock is fixed,
	// because responses contain times.
	settings := config.Environment{
		"USER_LOGIN_WINDOW": "24h", "USER_LOGIN_TRIES": "2", "USER_LOGIN_TRIES_PER_NETWORK": "4", "USER_LOGIN_TRIES_PER_ACCOUNT": "3",
	}
	s := openWith(t, settings, functiontest.WithClock(clock.Fixed(clock.System().Truncate(time.Second))))
	spendNetworkLimit := func(t *testing.T, p prober) {
		for n := range 4 {
			p.wrong(t, 0, p.unknown(n))
		}
	}
	spendAccountLimit := func(t *testing.T, p prober) {
		for n := range 3 {
			p.wrong(t, 100+n, p.target)
		}
	}
	number := 0
	for name, spend := range map[string]func(*testing.T, prober){
		"no limit is":          func(*testing.T, prober) {},
		"the network limit is": spendNetworkLimit,
		"the account limit is": spendAccountLimit,
		"both limits are":      func(t *testing.T, p prober) { spendNetworkLimit(t, p); spendAccountLimit(t, p) },
		"the login limit is": func(t *testing.T, p prober) {
			for range 2 {
				p.wrong(t, 0, p.target)
			}
		},
	} {
		var probers []prober
		for _, kind := range []string{"missing", "unfamiliar", "familiar"} {
			number++
			p := prober{server: s, target: fmt.Sprintf("%s-%d@example.com", kind, number), number: number}
			if kind != "missing" {
				s.mustRegister(t, p.target)
			}
			if kind == "familiar" {
				s.signInFrom(t, p.network(0), p.target, fixtures.Password).MustBe(t, 201)
			}
			probers = append(probers, p)
		}
		t.Run(name+" spent", func(t *testing.T) {
			t.Parallel()
			want := ""
			for _, p := range probers {
				spend(t, p)
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

// sequence returns the responses to an attacker that exceeds the login limit of the account,
// and then measures the remaining limits of the network and of the account.
func sequence(t *testing.T, p prober) string {
	t.Helper()
	var responses strings.Builder
	for range 3 {
		responses.WriteString(p.wrong(t, 0, p.target))
	}
	for n := range 5 {
		responses.WriteString(p.wrong(t, 0, p.unknown(50+n)))
	}
	for n := range 4 {
		responses.WriteString(p.wrong(t, 200+n, p.target))
	}
	return responses.String()
}
