package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
)

// The bounds of the figures about logins; see those of bench_test.go.
const (
	maxFloodFactor = 3.0
	maxLoginMemory = 128 << 20
	minTimingP     = 0.01
)

const benchPassword = "seven green bicycles"

// launchLogins starts session-create, as the cloud does, on a database with that
// many accounts: 0@example.com and so on, which all have benchPassword.
func launchLogins(b *testing.B, accounts int) process {
	b.Helper()
	url := dbtest.Create(b, append(function.Migrations(), user.Migrations)...)
	db, err := database.Open(database.Config{URL: url, MaxOpenConns: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := user.Seed(b.Context(), db, "0@example.com", benchPassword, auth.Customer); err != nil {
		b.Fatal(err)
	}
	for i := 1; i < accounts; i++ { // with the first one's hash: making a thousand takes a minute
		id, email := uuid.New(), fmt.Sprintf("%d@example.com", i)
		_, err := db.ExecContext(b.Context(), `
			INSERT INTO user (id, email, email_key, password_hash, password_version, name, role, version, created_at, updated_at)
			SELECT ?, ?, ?, password_hash, 1, name, role, 1, created_at, updated_at
			FROM user
			WHERE email_key = '0@example.com'`, id[:], email, email)
		if err != nil {
			b.Fatal(err)
		}
	}
	keys, err := auth.GenerateKey()
	if err != nil {
		b.Fatal(err)
	}
	p := launch(b, release(b, "./functions/user/cmd"), url, "FUNCTION_TARGET=session-create", "K_SERVICE=session-create",
		"AUTH_ISSUER=https://issuer.test", "AUTH_AUDIENCE=https://shop.test", "AUTH_SIGNING_KEYS="+keys)
	b.Cleanup(func() { p.end(b) })
	return p
}

// login is a request to sign in. Each comes from a network of its own, as the load
// balancer would tell: the limits stay as they are, are paid for by every try, and
// are reached by none.
func login(b *testing.B, from int, email, password string) []byte {
	b.Helper()
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Appendf(nil, "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"X-Forwarded-For: 10.%d.%d.%d,192.0.2.1\r\nContent-Length: %d\r\n\r\n%s", from>>16&255, from>>8&255, from&255, len(body), body)
}

// waitListening waits until a process takes connections.
func (p process) waitListening(b *testing.B) {
	b.Helper()
	eventually(b, "the process listens", func() bool {
		connection, err := net.Dial("tcp", p.address)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
}

// BenchmarkLoginTiming compares how long a wrong password takes for an account that
// is there and for one that is not, over 2,000 tries in random order.
func BenchmarkLoginTiming(b *testing.B) {
	const tries = 1000 // of each
	p := launchLogins(b, tries)
	p.waitListening(b)
	connection, err := net.Dial("tcp", p.address)
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	from := 0
	try := func(email string) float64 {
		from++
		request := login(b, from, email, "a wrong password")
		begin := time.Now()
		status, err := exchange(connection, reader, request)
		took := time.Since(begin)
		if err != nil || status != http.StatusUnauthorized {
			b.Fatalf("got %d, %v", status, err)
		}
		return float64(took.Microseconds()) / 1000
	}
	var known, unknown []float64
	for b.Loop() {
		for i := range 20 {
			try(fmt.Sprintf("warm-%d@example.net", i))
		}
		for i := range tries { // in pairs: the machine's drifts meet both
			if rand.IntN(2) == 0 {
				known = append(known, try(fmt.Sprintf("%d@example.com", i)))
				unknown = append(unknown, try(fmt.Sprintf("%d@example.org", i)))
			} else {
				unknown = append(unknown, try(fmt.Sprintf("%d@example.org", i)))
				known = append(known, try(fmt.Sprintf("%d@example.com", i)))
			}
		}
	}
	area, significance := mannWhitney(known, unknown)
	k, u := median(known), median(unknown)
	b.ReportMetric(k, "known-ms")
	b.ReportMetric(u, "unknown-ms")
	b.ReportMetric(area, "AUC")
	b.ReportMetric(significance, "p")
	b.Logf("a wrong password of a known address: median %.3f ms, of an unknown one %.3f ms (%d each); "+
		"AUC %.4f (0.5: no better than a coin), Mann-Whitney p = %.3f, %s the bound of p > %.2f",
		k, u, len(known), area, significance, verdict(significance > minTimingP), minTimingP)
}

// mannWhitney returns the probability that a value of the one sample is above one of
// the other, and how probable it is to be as far from a half by chance alone (two-sided,
// by the normal approximation: https://en.wikipedia.org/wiki/Mann–Whitney_U_test).
func mannWhitney(a, b []float64) (area, p float64) {
	slices.Sort(b)
	var above float64
	for _, value := range a {
		low, _ := slices.BinarySearch(b, value)
		high, _ := slices.BinarySearch(b, math.Nextafter(value, math.Inf(1)))
		above += float64(low) + float64(high-low)/2
	}
	n, m := float64(len(a)), float64(len(b))
	z := (above - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
	return above / (n * m), math.Erfc(math.Abs(z) / math.Sqrt2)
}

// BenchmarkLoginFlood reads a product steadily, in turns with and without 256 logins
// that come at once.
func BenchmarkLoginFlood(b *testing.B) {
	const logins = 256
	store := newProductStore(b)
	reads := launch(b, release(b, "./functions/product/cmd"), store.url, asProductGet...)
	defer reads.end(b)
	reads.waitUp(b, store.path)
	sessions := launchLogins(b, logins)
	sessions.waitListening(b)
	var quiets, floods, factors []float64
	statuses, from := map[int]int{}, 1<<16
	for b.Loop() {
		for range 7 {
			quiet := reads.latencies(b, store.path, func() { time.Sleep(1500 * time.Millisecond) })
			from += logins
			crowd := sessions.gather(b, logins, from)
			flood := reads.latencies(b, store.path, func() {
				for status, n := range flood(b, crowd) {
					statuses[status] += n
				}
			})
			q, f := p99(quiet), p99(flood)
			quiets, floods, factors = append(quiets, q), append(floods, f), append(factors, f/q)
		}
	}
	q, f, factor, memory := median(quiets), median(floods), median(factors), peakMemory(b, sessions.Process.Pid)
	b.ReportMetric(q, "quiet-p99-ms")
	b.ReportMetric(f, "flood-p99-ms")
	b.ReportMetric(factor, "factor")
	b.ReportMetric(float64(memory)/(1<<20), "peak-MiB")
	b.Logf("product-get p99: quiet %.2f ms, under %d logins at once %.2f ms, factor %.2f (medians of %d rounds), %s the bound of %.0f; "+
		"session-create: peak %d MiB resident, %s the bound of %d MiB; %d signed in, %d told by 429 when to come again",
		q, logins, f, factor, len(factors), verdict(factor <= maxFloodFactor), maxFloodFactor,
		memory>>20, verdict(memory <= maxLoginMemory), maxLoginMemory>>20, statuses[http.StatusCreated], statuses[http.StatusTooManyRequests])
}

// latencies reads a path every other millisecond while something else happens, and
// returns how long each answer took in milliseconds.
func (p process) latencies(b *testing.B, path string, meanwhile func()) []float64 {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var took []float64
	var failure error
	var reading sync.WaitGroup
	reading.Go(func() { took, failure = p.readSteadily(ctx, path) })
	meanwhile()
	stop()
	reading.Wait()
	if failure != nil || len(took) == 0 {
		b.Fatalf("%d reads, %v", len(took), failure)
	}
	return took
}

func (p process) readSteadily(ctx context.Context, path string) (took []float64, err error) {
	connection, err := net.Dial("tcp", p.address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	reader, request := bufio.NewReader(connection), []byte("GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	beat := time.NewTicker(2 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return took, nil
		case <-beat.C:
		}
		begin := time.Now()
		status, err := exchange(connection, reader, request)
		if err != nil || status != http.StatusOK {
			return took, fmt.Errorf("status %d, %w", status, err)
		}
		took = append(took, float64(time.Since(begin).Microseconds())/1000)
	}
}

func p99(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)*99/100]
}

// visitor is a client that is connected and about to sign in.
type visitor struct {
	net.Conn
	request []byte
}

// gather connects clients, so that the flood that follows is the server's work and
// hardly that of the client beside it.
func (p process) gather(b *testing.B, logins, from int) []visitor {
	b.Helper()
	crowd := make([]visitor, logins)
	for i := range crowd {
		connection, err := net.Dial("tcp", p.address)
		if err != nil {
			b.Fatal(err)
		}
		crowd[i] = visitor{connection, login(b, from+i, fmt.Sprintf("%d@example.com", i), benchPassword)}
	}
	return crowd
}

// flood has all sign in at once, and returns how often each status came. A 429 must
// say when to come again; no other refusal is accepted.
func flood(b *testing.B, crowd []visitor) map[int]int {
	b.Helper()
	statuses, errs := make([]int, len(crowd)), make([]error, len(crowd))
	var all sync.WaitGroup
	for i, v := range crowd {
		all.Go(func() { statuses[i], errs[i] = v.signIn() })
	}
	all.Wait()
	counts := map[int]int{}
	for i, status := range statuses {
		if errs[i] != nil || status != http.StatusCreated && status != http.StatusTooManyRequests {
			b.Fatalf("status %d, %v", status, errs[i])
		}
		counts[status]++
	}
	return counts
}

func (v visitor) signIn() (status int, err error) {
	defer v.Close()
	if _, err = v.Write(v.request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(v), nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if _, err = io.Copy(io.Discard, answer.Body); err != nil {
		return 0, err
	}
	if answer.StatusCode == http.StatusTooManyRequests && answer.Header.Get("Retry-After") == "" {
		return 0, fmt.Errorf("a 429 without Retry-After: %v", answer.Header)
	}
	return answer.StatusCode, nil
}
