package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/testsample"
)

// badOne is the interval of invalid lines in an imported catalogue.
const badOne = 100

// The number of lines of an imported catalogue, and the description in each.
var (
	catalogLines = 10_000
	description  = "The description of a product."
)

// shortenCatalog reduces the number of lines. Half of a catalogue is still larger than the
// buffers between a client and the import.
func shortenCatalog() {
	description += strings.Repeat(" "+description, 20)
	catalogLines = 3_000
}

// catalog returns the lines of a catalogue in a format, and its heading, "" if the format
// has none. The SKUs begin with the category of all products.
func catalog(format, category string) (heading string, lines []string) {
	for i := range catalogLines {
		sku, name, currency, price := fmt.Sprintf("%s-%d", category, i), fmt.Sprintf("Product %d, \"quoted\"", i), "EUR", strconv.Itoa(100+i)
		if i%badOne == badOne/2 {
			switch i / badOne % 4 {
			case 0:
				sku = "no sku"
			case 1:
				name = ""
			case 2:
				currency = "XQQ"
			case 3:
				price = "-1"
			}
		}
		line := fmt.Sprintf(`{"sku":%q,"name":%q,"description":%q,"category":%q,"price":{"amount":%s,"currency":%q},"stock":%d}`,
			sku, name, description, category, price, currency, i%100)
		if format == "csv" {
			line = fmt.Sprintf(`%s,"%s",%s,%s,%s,%s,%d`, sku, strings.ReplaceAll(name, `"`, `""`), description, category, price, currency, i%100)
		}
		lines = append(lines, line+"\n")
	}
	if format == "csv" {
		heading = "sku,name,description,category,price,currency,stock\n"
	}
	return heading, lines
}

var mediaTypes = map[string]string{"ndjson": "application/x-ndjson", "csv": "text/csv"}

// imported is the response of an import.
type imported struct {
	lines   []product.LineResult
	summary product.ImportSummary
}

// sendCatalog imports a catalogue from a reader, which may be slow.
func (s *system) sendCatalog(ctx context.Context, admin, format string, body io.Reader) (got imported, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Gateway+"/v1/products/import", body)
	if err != nil {
		return got, err
	}
	request.Header.Set("Authorization", "Bearer "+admin)
	request.Header.Set("Content-Type", mediaTypes[format])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return got, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return got, fmt.Errorf("status %d: %s", response.StatusCode, text)
	}
	ended := false
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		var line struct {
			product.LineResult
			Summary *product.ImportSummary
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return got, fmt.Errorf("read %q: %w", lines.Bytes(), err)
		}
		if ended = line.Summary != nil; ended {
			got.summary = *line.Summary
			continue
		}
		got.lines = append(got.lines, line.LineResult)
	}
	if !ended {
		return got, errors.New("the response has no summary")
	}
	return got, nil
}

func (s *system) mustImport(t testing.TB, admin, format, text string) imported {
	t.Helper()
	got, err := s.sendCatalog(t.Context(), admin, format, strings.NewReader(text))
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return got
}

func (s *system) mustExport(t testing.TB, admin, format string) string {
	t.Helper()
	return string(s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/export?format=" + format, Token: admin}).
		MustBe(t, http.StatusOK).Body)
}

// requireLineResults requires a result for each line, with an error for the invalid lines
// only.
func requireLineResults(t *testing.T, got imported, headings int) {
	t.Helper()
	if len(got.lines) != catalogLines {
		t.Fatalf("%d lines have a result, want %d", len(got.lines), catalogLines)
	}
	for i, line := range got.lines {
		bad := i%badOne == badOne/2
		if line.Line != i+1+headings || (line.Outcome == product.LineFailed) != bad || (len(line.Errors) > 0 && line.Errors[0].Message != "") != bad {
			t.Fatalf("line %d has the result %+v", i+1+headings, line)
		}
	}
}

// versions returns the version, time and stock of each product in a category, by SKU.
func (s *system) versions(t *testing.T, category string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for token := ""; ; {
		var page api.Page[product.Product]
		s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products?pageSize=100&category=" + category + "&pageToken=" + token}).
			MustBe(t, http.StatusOK).Into(t, &page)
		for _, p := range page.Items {
			all[p.SKU] = fmt.Sprint(p.Version, p.UpdatedAt, p.Available)
		}
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}

// TestImport imports a large catalogue through the gateway, completely and with an
// interruption.
func TestImport(t *testing.T) {
	parallel(t)
	s := openSystem(t)
	admin := s.admin(t)
	all := product.ImportSummary{Created: catalogLines - catalogLines/badOne, Failed: catalogLines / badOne}

	for _, format := range testsample.Of(t, slices.Sorted(maps.Keys(mediaTypes)), 1) {
		t.Run("all valid lines of "+format+" are imported, invalid ones are reported, and the import of an export changes nothing", func(t *testing.T) {
			category := "i" + uuid.NewString()[:8]
			heading, lines := catalog(format, category)
			got := s.mustImport(t, admin, format, heading+strings.Join(lines, ""))
			if got.summary != all {
				t.Fatalf("summary %+v, want %+v", got.summary, all)
			}
			requireLineResults(t, got, strings.Count(heading, "\n"))
			before := s.versions(t, category)
			if len(before) != all.Created {
				t.Errorf("%d products are listed, want %d", len(before), all.Created)
			}
			exported := s.mustExport(t, admin, format)
			again := s.mustImport(t, admin, format, exported).summary
			if again.Unchanged < all.Created || again != (product.ImportSummary{Unchanged: again.Unchanged}) {
				t.Errorf("imported again: %+v", again)
			}
			after := s.versions(t, category)
			for sku, version := range before {
				if after[sku] != version {
					t.Errorf("%s was %s, is %s", sku, version, after[sku])
				}
			}
			if exported != s.mustExport(t, admin, format) {
				t.Error("exports are different")
			}
		})
	}

	interruptions := map[string]func(t *testing.T, disconnect context.CancelFunc){
		"the client disconnects": func(_ *testing.T, disconnect context.CancelFunc) { disconnect() },
		"the process is terminated": func(t *testing.T, _ context.CancelFunc) {
			s.skipUnlessOwned(t)
			s.terminate(t, "product-import")
		},
	}
	for _, name := range testsample.Of(t, slices.Sorted(maps.Keys(interruptions)), 1) {
		t.Run("an import is completed by the same file after "+name, func(t *testing.T) {
			category := "h" + uuid.NewString()[:8]
			_, lines := catalog("ndjson", category)
			ctx, disconnect := context.WithCancel(t.Context())
			defer disconnect()
			read, write := io.Pipe()
			sent := make(chan imported, 1)
			go func() {
				got, err := s.sendCatalog(ctx, admin, "ndjson", read)
				_ = read.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // ends the writer below
				sent <- got
			}()
			for _, line := range lines[:catalogLines/2] {
				if _, err := io.WriteString(write, line); err != nil {
					t.Fatalf("the import ended before half of the file: %v", err)
				}
			}
			eventually(t, "a tenth of the file is imported", func() bool { return len(s.versions(t, category)) > catalogLines/10 })
			ended := s.countLogged(t, "/v1/products/import")
			interruptions[name](t, disconnect)
			// The other half is larger than the buffers, so an import that was not
			// interrupted would be noticed.
			_, _ = io.WriteString(write, strings.Join(lines[catalogLines/2:], ""))
			_ = write.Close()
			got := <-sent
			if got.summary.Created == all.Created {
				t.Fatal("the import was not interrupted")
			}
			s.awaitLogged(t, "/v1/products/import", ended)
			existing, unchanged := 0, 0
			eventually(t, "the import has stopped writing", func() bool {
				if now := len(s.versions(t, category)); now == existing {
					unchanged++
				} else {
					existing, unchanged = now, 0
				}
				return existing < all.Created && unchanged == quietPolls
			})
			if s.platform != nil {
				s.souk(t, "audit")
			}
			second := s.mustImport(t, admin, "ndjson", strings.Join(lines, ""))
			want := product.ImportSummary{Created: all.Created - existing, Unchanged: existing, Failed: all.Failed, StockIgnored: existing}
			if diff := cmp.Diff(want, second.summary); diff != "" {
				t.Errorf("second import (-want +got):\n%s", diff)
			}
			requireLineResults(t, second, 0)
		})
	}
}

// countLogged returns how many requests for a path functions have logged, which they do at the end
// of a request. It is 0 for a system without a file of its functions' logs.
func (s *system) countLogged(t *testing.T, path string) int {
	t.Helper()
	if s.platform == nil {
		return 0
	}
	return strings.Count(s.logs(t)["functions.log"], path)
}

// awaitLogged waits until functions have logged more requests for a path than before.
func (s *system) awaitLogged(t *testing.T, path string, before int) {
	t.Helper()
	if s.platform == nil || s.logs(t)["functions.log"] == "" {
		return
	}
	eventually(t, "a request for "+path+" has ended", func() bool { return s.countLogged(t, path) > before })
}

// quietPolls is how many polls in a row, with growing pauses, must find nothing new until an import
// that was interrupted is taken as ended: a transaction of it may take some time.
const quietPolls = 6

// Bounds that are printed beside the figures.
const (
	maxImportTime   = 20 * time.Second
	maxImportMemory = 64 << 20
)

// BenchmarkImport imports a large catalogue through the gateway, and reports the duration
// and the peak memory of the functions' processes.
func BenchmarkImport(b *testing.B) {
	s := openSystem(b)
	admin := s.admin(b)
	for b.Loop() {
		for format := range mediaTypes {
			heading, lines := catalog(format, "b"+uuid.NewString()[:8])
			text := heading + strings.Join(lines, "")
			begin := time.Now()
			got := s.mustImport(b, admin, format, text)
			took := time.Since(begin)
			if got.summary.Created != catalogLines-catalogLines/badOne || got.summary.Failed != catalogLines/badOne {
				b.Fatalf("summary %+v", got.summary)
			}
			b.Logf("%s: %d lines in %s, %s the bound of %s", format, catalogLines, took.Round(time.Millisecond), boundLabel(took <= maxImportTime), maxImportTime)
			begin = time.Now()
			exported := s.mustExport(b, admin, format)
			b.Logf("%s: exported %d bytes in %s", format, len(exported), time.Since(begin).Round(time.Millisecond))
			begin = time.Now()
			s.mustImport(b, admin, format, exported)
			b.Logf("%s: imported again, unchanged, in %s", format, time.Since(begin).Round(time.Millisecond))
		}
		own, isLocal := s.platform.(*processes)
		if !isLocal {
			continue // The processes of other systems cannot be read.
		}
		for _, function := range []string{"product-import", "product-export"} {
			for _, pid := range own.pids(b, function) {
				peak := peakMemory(b, pid)
				b.Logf("%s: peak %.1f MiB resident, %s the bound of %d", function, float64(peak)/(1<<20), boundLabel(peak <= maxImportMemory), maxImportMemory>>20)
			}
		}
	}
}

// peakMemory returns the peak memory of a process in bytes: VmHWM, see
// proc_pid_status(5).
func peakMemory(b *testing.B, pid int) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("VmHWM is not available: ", err)
	}
	_, after, _ := bytes.Cut(text, []byte("VmHWM:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		b.Fatal("no VmHWM in ", string(text))
	}
	kibibytes, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kibibytes << 10
}
