package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
)

// Bounds that are printed beside the figures. No test fails by them, since the speed of
// the machine varies.
const (
	maxPlaceToConfirmed = 40 * time.Millisecond
	maxColdStart        = 25 * time.Millisecond
	minShareOfBare      = 0.80
)

func median[T int64 | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// boundLabel returns the word that is printed for a figure within or outside of its bound.
func boundLabel(within bool) string {
	if within {
		return "within"
	}
	return "OUTSIDE"
}

// BenchmarkPlaceToConfirmed measures the time from the customer's POST to the confirmation
// of the order, through the gateway of a warm system.
func BenchmarkPlaceToConfirmed(b *testing.B) {
	s := openSystem(b)
	admin, customer := s.admin(b), s.customer(b)
	p := s.mustCreateProduct(b, admin, customer, 1_000_000)
	placeAndConfirm := func() time.Duration {
		begin := time.Now()
		response := s.place(b, customer, "wait=20", p.ID, 1)
		took := time.Since(begin)
		var o order.Order
		response.MustBe(b, http.StatusCreated).Into(b, &o)
		if o.Status != order.Confirmed {
			b.Fatalf("the order is %s", o.Status)
		}
		return took
	}
	for range 20 {
		placeAndConfirm()
	}
	var times []time.Duration
	for b.Loop() {
		times = append(times, placeAndConfirm())
	}
	p50 := median(times)
	b.ReportMetric(float64(p50.Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
	b.Logf("place → confirmed: p50 %s of %d orders, %s the bound of %s", p50, len(times), boundLabel(p50 <= maxPlaceToConfirmed), maxPlaceToConfirmed)
}

// productStore is a product database with one product, for programs that read it.
type productStore struct {
	url  database.URL
	path string // of the product, on the server under test
}

func newProductStore(b *testing.B) productStore {
	b.Helper()
	store := productStore{url: dbtest.Create(b, append(function.Migrations(), product.Migrations)...)}
	db, err := database.Open(database.Config{URL: store.url, MaxOpenConns: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	id := uuid.New()
	_, err = db.ExecContext(b.Context(), `
		INSERT INTO product (id, sku, name, description, category, price_amount, price_currency, available, status, version, created_at, updated_at)
		VALUES (?, 'ASSAM-250', 'Assam, 250 g', 'A malty black tea.', 'tea', 1299, 'EUR', 50, 'active', 1, NOW(6), NOW(6))`, id[:])
	if err != nil {
		b.Fatal(err)
	}
	store.path = "/v1/products/" + id.String()
	return store
}

// buildRelease builds a program with the flags of the cloud build.
func buildRelease(b *testing.B, source string) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "program")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, source)
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", source, err, out)
	}
	return program
}

// process is a program that serves HTTP on its own port.
type process struct {
	*exec.Cmd
	address string
}

// launch starts a program as Cloud Run does, on one CPU, without waiting until it listens.
func launch(b *testing.B, program string, url database.URL, environment ...string) process {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		b.Fatal(err)
	}
	_, port, _ := strings.Cut(address, ":")
	p := process{Cmd: exec.Command(program), address: address}
	p.Env = append(environment, "PORT="+port, "GOMAXPROCS=1", "DATABASE_URL="+string(url))
	if err := p.Start(); err != nil {
		b.Fatal(err)
	}
	return p
}

func (p process) kill(b *testing.B) {
	b.Helper()
	if err := p.Process.Kill(); err != nil {
		b.Fatal(err)
	}
	_ = p.Wait() // The error reports the kill.
}

// get sends one request and returns the status, or an error when nothing listens.
func (p process) get(path string) (status int, err error) {
	connection, err := net.Dial("tcp", p.address)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	return exchange(connection, bufio.NewReader(connection), []byte("GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

// exchange sends a request and reads the complete response. It costs the client little, so
// that the figures are the server's.
func exchange(connection net.Conn, reader *bufio.Reader, request []byte) (status int, err error) {
	if _, err := connection.Write(request); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func (p process) mustRespond(b *testing.B, path string) {
	b.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		status, err := p.get(path)
		if err == nil && status == http.StatusOK {
			return
		}
		if err == nil {
			b.Fatalf("GET %s responds %d", path, status)
		}
		if time.Now().After(deadline) {
			b.Fatalf("nothing listens on %s: %v", p.address, err)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

var asProductGet = []string{"FUNCTION_TARGET=product-get", "K_SERVICE=product-get"}

// BenchmarkColdStart measures the time from exec to the first response that needs the
// database.
func BenchmarkColdStart(b *testing.B) {
	store, program := newProductStore(b), buildRelease(b, "./functions/product/cmd")
	var times []time.Duration
	for b.Loop() {
		for range 15 {
			begin := time.Now()
			p := launch(b, program, store.url, asProductGet...)
			p.mustRespond(b, store.path)
			times = append(times, time.Since(begin))
			p.kill(b)
		}
	}
	m := median(times)
	b.ReportMetric(float64(m.Microseconds())/1000, "median-ms")
	b.Logf("exec → first 200: median %s of %d, %s the bound of %s", m, len(times), boundLabel(m <= maxColdStart), maxColdStart)
}

// BenchmarkProductGet compares product-get with a bare handler of the same SELECT, in
// alternating rounds, so that changes in the machine's speed affect both.
func BenchmarkProductGet(b *testing.B) {
	store := newProductStore(b)
	function := launch(b, buildRelease(b, "./functions/product/cmd"), store.url, asProductGet...)
	defer function.kill(b)
	bare := launch(b, buildRelease(b, "./e2e/testdata/bareget"), store.url)
	defer bare.kill(b)
	function.mustRespond(b, store.path)
	bare.mustRespond(b, store.path)
	const clients, round = 16, time.Second
	function.load(b, store.path, clients, round/2)
	bare.load(b, store.path, clients, round/2)
	var functions, bares, ratios []float64
	for b.Loop() {
		for range 7 {
			f, n := function.load(b, store.path, clients, round), bare.load(b, store.path, clients, round)
			functions, bares, ratios = append(functions, f), append(bares, n), append(ratios, f/n)
		}
	}
	f, n, ratio := median(functions), median(bares), median(ratios)
	b.ReportMetric(f, "product-get-rps")
	b.ReportMetric(n, "bare-rps")
	b.ReportMetric(ratio, "ratio")
	b.Logf("product-get %.0f/s, bare net/http %.0f/s, ratio %.2f (median of %d rounds), %s the floor of %.2f",
		f, n, ratio, len(ratios), boundLabel(ratio >= minShareOfBare), minShareOfBare)
}

// load sends requests on several connections for a duration and returns the requests per
// second. The benchmark fails if a status is not 200.
func (p process) load(b *testing.B, path string, clients int, duration time.Duration) float64 {
	b.Helper()
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
	counts, errs := make([]int, clients), make([]error, clients)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range clients {
		all.Go(func() {
			counts[i], errs[i] = p.sendUntil(request, begin.Add(duration))
		})
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	sum := 0
	for i := range clients {
		if errs[i] != nil {
			b.Fatal(errs[i])
		}
		sum += counts[i]
	}
	return float64(sum) / took
}

// sendUntil sends a request on one connection until a time and returns the number of
// responses.
func (p process) sendUntil(request []byte, until time.Time) (count int, err error) {
	connection, err := net.Dial("tcp", p.address)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for time.Now().Before(until) {
		status, err := exchange(connection, reader, request)
		if err != nil {
			return 0, err
		}
		if status != http.StatusOK {
			return 0, fmt.Errorf("status %d", status)
		}
		count++
	}
	return count, nil
}
