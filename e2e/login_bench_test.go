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

	"souk/functions/fixtures"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
)

// Bounds of the figures of logins; see those in bench_test.go.
const (
	maxFloodFactor = 3.0
	maxLoginMemory = 128 << 20
	minTimingP     = 0.01
)

// launchLogins starts session-create as Cloud Run does, on a database with the given number
// of accounts: 0@example.com and so on, all with fixtures.Password.
func launchLogins(b *testing.B, accounts int) process {
	b.Helper()
	url := dbtest.Create(b, append(function.Migrations(), user.Migrations)...)
	db, err := database.Open(database.Config{URL: url, MaxOpenConns: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := user.Seed(b.Context(), db, "0@example.com", fixtures.Password, auth.Customer); err != nil {
		b.Fatal(err)
	}
	for i := 1; i < accounts; i++ { // with the hash of the first: a thousand hashes take a minute
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
	p := launch(b, buildRelease(b, "./functions/user/cmd"), url, "FUNCTION_TARGET=session-create", "K_SERVICE=session-create",
		"AUTH_ISSUER=https://issuer.test", "AUTH_AUDIENCE=https://shop.test", "AUTH_SIGNING_KEYS="+keys)
	b.Cleanup(func() { p.kill(b) })
	return p
}

// newLogin returns a request to sign in. Each has its own client network, as the load
// balancer would set it: the default limits apply, and no request reaches them.
func newLogin(b *testing.B, from int, email, password string) []byte {
	b.Helper()
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Appendf(nil, "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"X-Forwarded-For: 10.%d.%d.%d,192.0.2.1\r\nContent-Length: %d\r\n\r\n%s", from>>16&255, from>>8&255, from&255, len(body), body)
}

// mustListen waits until a process accepts connections.
func (p process) mustListen(b *testing.B) {
	b.Helper()
	eventually(b, "the process listens", func() bool {
		connection, err := net.Dial("tcp", p.address)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
}

// BenchmarkLoginTiming compares the duration of logins with a wrong password for existing
// and for missing accounts, over 2,000 attempts in random order.
func BenchmarkLoginTiming(b *testing.B) {
	const tries = 1000 // of each
	p := launchLogins(b, tries)
	p.mustListen(b)
	connection, err := net.Dial("tcp", p.address)
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	from := 0
	try := func(email string) float64 {
		from++
		request := newLogin(b, from, email, "a wrong password")
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
		for i := range tries { // in pairs, so that changes in the machine's speed affect both
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
	b.Logf("a wrong password for a known address: median %.3f ms, for an unknown one %.3f ms (%d each); "+
		"AUC %.4f (0.5: indistinguishable), Mann-Whitney p = %.3f, %s the bound of p > %.2f",
		k, u, len(known), area, significance, boundLabel(significance > minTimingP), minTimingP)
}

// mannWhitney returns the probability that a value of sample a is above one of sample b, and
// the two-sided p-value by the normal approximation
// (https://en.wikipedia.org/wiki/Mann–Whitney_U_test).
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

// BenchmarkLoginFlood reads a product at a steady rate, in alternating rounds with and
// without 256 simultaneous logins.
func BenchmarkLoginFlood(b *testing.B) {
	const logins = 256
	store := newProductStore(b)
	reads := launch(b, buildRelease(b, "./functions/product/cmd"), store.url, asProductGet...)
	defer reads.kill(b)
	reads.mustRespond(b, store.path)
	sessions := launchLogins(b, logins)
	sessions.mustListen(b)
	var quiets, floods, factors []float64
	statuses, from := map[int]int{}, 1<<16
	for b.Loop() {
		for range 7 {
			quiet := reads.latencies(b, store.path, func() { time.Sleep(1500 * time.Millisecond) })
			from += logins
			visitors := sessions.connect(b, logins, from)
			flood := reads.latencies(b, store.path, func() {
				for status, n := range flood(b, visitors) {
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
	b.Logf("product-get p99: quiet %.2f ms, under %d simultaneous logins %.2f ms, factor %.2f (medians of %d rounds), %s the bound of %.0f; "+
		"session-create: peak %d MiB resident, %s the bound of %d MiB; %d signed in, %d refused with 429 and Retry-After",
		q, logins, f, factor, len(factors), boundLabel(factor <= maxFloodFactor), maxFloodFactor,
		memory>>20, boundLabel(memory <= maxLoginMemory), maxLoginMemory>>20, statuses[http.StatusCreated], statuses[http.StatusTooManyRequests])
}

// latencies reads a path every 2 ms while another function runs, and returns the latency of
// each response in milliseconds.
func (p process) latencies(b *testing.B, path string, during func()) []float64 {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var took []float64
	var failure error
	var reading sync.WaitGroup
	reading.Go(func() { took, failure = p.readSteadily(ctx, path) })
	during()
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
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return took, nil
		case <-ticker.C:
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

// visitor is a connected client with its login request.
type visitor struct {
	net.Conn
	request []byte
}

// connect connects clients in advance, so that the flood that follows loads the server and
// hardly the client beside it.
func (p process) connect(b *testing.B, logins, from int) []visitor {
	b.Helper()
	visitors := make([]visitor, logins)
	for i := range visitors {
		connection, err := net.Dial("tcp", p.address)
		if err != nil {
			b.Fatal(err)
		}
		visitors[i] = visitor{connection, newLogin(b, from+i, fmt.Sprintf("%d@example.com", i), fixtures.Password)}
	}
	return visitors
}

// flood signs all visitors in at once, and returns the number of responses by status. A 429
// must have Retry-After; the benchmark fails with any other refusal.
func flood(b *testing.B, visitors []visitor) map[int]int {
	b.Helper()
	statuses, errs := make([]int, len(visitors)), make([]error, len(visitors))
	var all sync.WaitGroup
	for i, v := range visitors {
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
	response, err := http.ReadResponse(bufio.NewReader(v), nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err = io.Copy(io.Discard, response.Body); err != nil {
		return 0, err
	}
	if response.StatusCode == http.StatusTooManyRequests && response.Header.Get("Retry-After") == "" {
		return 0, fmt.Errorf("a 429 without Retry-After: %v", response.Header)
	}
	return response.StatusCode, nil
}
