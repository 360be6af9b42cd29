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

	"github.com/google/uuid"

	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/testsample"
)

// badOne is which lines of an imported catalogue are bad: one in so many.
const badOne = 100

// An imported catalogue has so many lines, with this description.
var (
	catalogLines = 10_000
	description  = "What there is to tell of it."
)

// shortenCatalog makes catalogues smaller. Half of one is still more than what is
// buffered between a client and the import.
func shortenCatalog() {
	description += strings.Repeat(" "+description, 20)
	catalogLines = 3_000
}

// catalog returns lines of products whose SKUs begin with the category that they are
// all in, in a format, and before them, where the format has one, a heading.
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

// imported is what an import answered.
type imported struct {
	lines   []product.LineResult
	summary product.ImportSummary
}

// send sends a catalogue, which may come as slowly as it likes.
func (s *system) send(ctx context.Context, admin, format string, body io.Reader) (got imported, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Gateway+"/v1/products/import", body)
	if err != nil {
		return got, err
	}
	request.Header.Set("Authorization", "Bearer "+admin)
	request.Header.Set("Content-Type", mediaTypes[format])
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return got, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return got, fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	ended := false
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
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
		return got, errors.New("the answer has no end")
	}
	return got, nil
}

func (s *system) mustImport(t testing.TB, admin, format, text string) imported {
	t.Helper()
	got, err := s.send(t.Context(), admin, format, strings.NewReader(text))
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

// mustTellBadLines fails the test unless just the bad lines are reported as such,
// each with a reason.
func mustTellBadLines(t *testing.T, got imported, headings int) {
	t.Helper()
	if len(got.lines) != catalogLines {
		t.Fatalf("%d lines are told of, want %d", len(got.lines), catalogLines)
	}
	for i, line := range got.lines {
		bad := i%badOne == badOne/2
		if line.Line != i+1+headings || (line.Outcome == product.LineFailed) != bad || (len(line.Errors) > 0 && line.Errors[0].Message != "") != bad {
			t.Fatalf("line %d is told of as %+v", i+1+headings, line)
		}
	}
}

// versions returns each product that is sold in a category, and how it was changed
// last.
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

// TestImport imports a large catalogue through the gateway, all at once and broken
// off midway.
func TestImport(t *testing.T) {
	s := open(t)
	admin := s.admin(t)
	all := product.ImportSummary{Created: catalogLines - catalogLines/badOne, Failed: catalogLines / badOne}

	for _, format := range testsample.Of(t, slices.Sorted(maps.Keys(mediaTypes)), 1) {
		t.Run(format+": all good lines are in, each bad one is told of, and what is exported changes nothing", func(t *testing.T) {
			category := "i" + uuid.NewString()[:8]
			heading, lines := catalog(format, category)
			got := s.mustImport(t, admin, format, heading+strings.Join(lines, ""))
			if got.summary != all {
				t.Fatalf("summary %+v, want %+v", got.summary, all)
			}
			mustTellBadLines(t, got, strings.Count(heading, "\n"))
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

	breaks := map[string]func(t *testing.T, leave context.CancelFunc){
		"the client leaves": func(_ *testing.T, leave context.CancelFunc) { leave() },
		"the process is told to stop": func(t *testing.T, _ context.CancelFunc) {
			s.mustBeOurs(t)
			s.terminate(t, "product-import")
		},
	}
	for _, name := range testsample.Of(t, slices.Sorted(maps.Keys(breaks)), 1) {
		t.Run(name+" midway: what is in is in whole, and the same file completes it", func(t *testing.T) {
			category := "h" + uuid.NewString()[:8]
			_, lines := catalog("ndjson", category)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			read, write := io.Pipe()
			sent := make(chan imported, 1)
			go func() {
				got, err := s.send(ctx, admin, "ndjson", read)
				_ = read.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // the writer below need not go on
				sent <- got
			}()
			for _, line := range lines[:catalogLines/2] {
				if _, err := io.WriteString(write, line); err != nil {
					t.Fatalf("it ended before its middle: %v", err)
				}
			}
			eventually(t, "a good part is in", func() bool { return len(s.versions(t, category)) > catalogLines/10 })
			breaks[name](t, leave)
			// The rest is sent, whoever may still read it: half of the file is more
			// than what lies between here and there.
			_, _ = io.WriteString(write, strings.Join(lines[catalogLines/2:], ""))
			_ = write.Close()
			got := <-sent
			if got.summary.Created == all.Created {
				t.Fatal("it was not broken off")
			}
			eventually(t, "nothing is written any more", func() bool {
				before := len(s.versions(t, category))
				return before < all.Created && before == len(s.versions(t, category))
			})
			in := len(s.versions(t, category))
			if s.platform != nil {
				s.souk(t, "audit")
			}
			rest := s.mustImport(t, admin, "ndjson", strings.Join(lines, ""))
			if want := (product.ImportSummary{Created: all.Created - in, Unchanged: in, Failed: all.Failed, StockIgnored: in}); rest.summary != want {
				t.Errorf("then %+v, want %+v", rest.summary, want)
			}
			mustTellBadLines(t, rest, 0)
		})
	}
}

// The bounds that the figures are printed beside.
const (
	maxImportTime   = 20 * time.Second
	maxImportMemory = 64 << 20
)

// BenchmarkImport imports a large catalogue through the gateway, and tells the time
// and the most memory that the function's process ever had.
func BenchmarkImport(b *testing.B) {
	s := open(b)
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
			b.Logf("%s: %d lines in %s, %s the bound of %s", format, catalogLines, took.Round(time.Millisecond), verdict(took <= maxImportTime), maxImportTime)
			begin = time.Now()
			exported := s.mustExport(b, admin, format)
			b.Logf("%s: exported %d bytes in %s", format, len(exported), time.Since(begin).Round(time.Millisecond))
			begin = time.Now()
			s.mustImport(b, admin, format, exported)
			b.Logf("%s: imported again, unchanged, in %s", format, time.Since(begin).Round(time.Millisecond))
		}
		own, is := s.platform.(*processes)
		if !is {
			continue // The processes of other systems are not there to be looked at.
		}
		for _, function := range []string{"product-import", "product-export"} {
			for _, pid := range own.pids(b, function) {
				peak := peakMemory(b, pid)
				b.Logf("%s: at most %.1f MiB resident, %s the bound of %d", function, float64(peak)/(1<<20), verdict(peak <= maxImportMemory), maxImportMemory>>20)
			}
		}
	}
}

// peakMemory is the most bytes that a process has had in memory: VmHWM, see
// proc_pid_status(5).
func peakMemory(b *testing.B, pid int) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("the kernel does not tell: ", err)
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
