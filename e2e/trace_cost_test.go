package e2e_test

import (
	"bufio"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"souk/shared/telemetry/telemetrytest"
)

// maxTraceCost bounds the CPU of a product-get that is not sampled, relative to the baseline.
const maxTraceCost = 1.02

// BenchmarkTraceCost compares the CPU of one product-get, user and system time of the function's
// process, in alternating rounds: of the baseline, of a function that could export traces but
// does not sample the request, and of one that samples every request. The baseline is the
// program that SOUK_BASELINE names, such as product of the commit before a change, and
// otherwise the same program without an endpoint.
func BenchmarkTraceCost(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("CPU time is read from /proc")
	}
	store, program := newProductStore(b), buildRelease(b, "./functions/product/cmd")
	receiver := telemetrytest.NewReceiver(b)
	variants := []process{
		launch(b, cmp.Or(os.Getenv("SOUK_BASELINE"), program), store.url, asProductGet...),
		launch(b, program, store.url, append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.URL}, asProductGet...)...),
		launch(b, program, store.url, append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.URL, "TRACE_SAMPLE_RATIO=1"}, asProductGet...)...),
	}
	for _, p := range variants {
		defer p.kill(b)
		p.mustRespond(b, store.path)
		p.cpuOfRequest(b, store.path) // warm up
	}
	var spent [3][]time.Duration
	var ratios []float64
	for b.Loop() {
		for round := range 75 {
			var cpu [3]time.Duration
			for i := range variants {
				i = (i + round) % len(variants)
				cpu[i] = variants[i].cpuOfRequest(b, store.path)
				spent[i] = append(spent[i], cpu[i])
			}
			ratios = append(ratios, float64(cpu[1])/float64(cpu[0]))
		}
	}
	ratio := median(ratios)
	b.ReportMetric(ratio, "ratio")
	b.Logf("CPU of a product-get: baseline %s, not sampled %s, sampled %s; not sampled/baseline %.3f (median of %d rounds, %.3f to %.3f), %s the bound of %.2f",
		median(spent[0]), median(spent[1]), median(spent[2]), ratio, len(ratios), slices.Min(ratios), slices.Max(ratios), boundLabel(ratio <= maxTraceCost), maxTraceCost)
}

// cpuOfRequest sends requests on several connections, and returns the CPU time of the process
// for each.
func (p process) cpuOfRequest(b *testing.B, path string) time.Duration {
	b.Helper()
	const clients, requests = 4, 250
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
	before := cpuTimeOf(b, p.Process.Pid)
	errs := make([]error, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { errs[i] = p.send(request, requests) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			b.Fatal(err)
		}
	}
	return (cpuTimeOf(b, p.Process.Pid) - before) / (clients * requests)
}

// send sends a request a number of times on one connection.
func (p process) send(request []byte, times int) error {
	connection, err := net.Dial("tcp", p.address)
	if err != nil {
		return err
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for range times {
		if status, err := exchange(connection, reader, request); err != nil || status != http.StatusOK {
			return fmt.Errorf("status %d: %w", status, err)
		}
	}
	return nil
}
