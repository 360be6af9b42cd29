package payment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stored is all that clients can read.
type stored struct {
	Payments []Payment
	Events   []Event
	Books    []Totals
	Keys     map[string]string // the version in the stored response, by key
}

func (f *fixture) stored() stored {
	s := stored{Books: f.Books(), Keys: map[string]string{}}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.payments {
		s.Payments = append(s.Payments, f.viewLocked(e))
	}
	for _, e := range f.events {
		event := e.view()
		event.Delivery.Attempts = 0
		s.Events = append(s.Events, event)
	}
	for name, key := range f.Provider.keys {
		s.Keys[name] = fmt.Sprint(key.Request, key.response.ID, key.response.Version)
	}
	return s
}

// encode returns the state as JSON, which compares faster than cmp.Diff.
func (s stored) encode(t *testing.T) []byte {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// inDir lets a provider store its state.
func inDir(dir string) func(*Options) { return func(o *Options) { o.Dir = dir } }

// fill makes changes of each kind.
func (f *fixture) fill() {
	f.mustCreate(Manual)
	path := f.mustPay(Manual, CardApproved)
	f.post(path+"/capture", `{"amount": 6000}`)
	f.Deliver(f.t.Context())
	f.post(path+"/refunds", `{"amount": 1000}`)
	f.mustPay(Automatic, CardLate)
	f.mustPay(Automatic, CardDeclined)
	if err := f.Inject(Fault{Operation: OperationCallback, Kind: Lose}); err != nil {
		f.t.Fatal(err)
	}
	f.post(f.mustCreate(Manual)+"/void", "")
}

func TestJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, inDir(dir))
	f.fill()
	before := f.stored()
	pending := len(before.Events) - 3 // two are delivered, one is lost
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.reopen(inDir(dir))
	t.Run("a restart loses nothing", func(t *testing.T) {
		if diff := cmp.Diff(before, f.stored()); diff != "" {
			t.Errorf("state (-before +after):\n%s", diff)
		}
	})
	t.Run("the callbacks that were not delivered are sent", func(t *testing.T) {
		if n := f.Deliver(t.Context()); n != pending {
			t.Errorf("%d requests, want %d", n, pending)
		}
	})
	t.Run("a key has its response, and a late capture takes effect", func(t *testing.T) {
		if r := f.must(http.StatusCreated, http.MethodPost, "/v1/payments", "key-1", newPayment(Manual)); r.ID != before.Payments[0].ID {
			t.Errorf("got %s", r.body)
		}
		f.clock.forward(defaultLate)
		if p := f.mustGet("/v1/payments/" + before.Payments[2].ID); p.State != Captured {
			t.Errorf("state %s", p.State)
		}
	})
	t.Run("only one provider uses the directory", func(t *testing.T) {
		if _, err := New(Options{APIKey: "k", WebhookSecret: "s", Dir: dir}); err == nil {
			t.Error("a second one started")
		}
	})
	t.Run("a closed provider acknowledges no change", func(t *testing.T) {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		requireProblem(t, f.post("/v1/payments", newPayment(Manual)), 500, "internal")
	})
}

// TestJournalIsCutOff cuts the journal at every byte of its last record. The provider must start
// with the state before the record, and store the next change after it.
func TestJournalIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, inDir(dir))
	f.fill()
	path := "/v1/payments/" + f.payments[1].ID
	before := f.stored()
	f.must(http.StatusCreated, http.MethodPost, path+"/refunds", "last", `{"amount": 500}`)
	after := f.stored()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, journalFile)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	for size := last; size <= len(text); size++ {
		// A new file: some file systems write one that is truncated to the disk at once.
		if err := errors.Join(os.Remove(name), os.WriteFile(name, text[:size], 0o600)); err != nil {
			t.Fatal(err)
		}
		f.reopen(inDir(dir))
		want := before
		if size == len(text) {
			want = after
		}
		if got := f.stored(); !bytes.Equal(got.encode(t), want.encode(t)) {
			diff := cmp.Diff(want, got)
			t.Fatalf("cut at byte %d of %d (-want +got):\n%s", size-last, len(text)-last, diff)
		}
		if (size-last)%50 == 0 {
			f.must(http.StatusCreated, http.MethodPost, path+"/refunds", "last", `{"amount": 500}`)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			f.reopen(inDir(dir))
			if p := f.mustGet(path); p.RefundedAmount != 1500 {
				t.Fatalf("cut at byte %d, refunded %d after another restart", size-last, p.RefundedAmount)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedJournal requires that a damaged journal is an error and stays.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"another version":    "{\"header\":{\"version\":2}}\n",
		"no header":          "{\"settled\":\"evt_1\"}\n",
		"an unknown member":  "{\"header\":{\"version\":1}}\n{\"other\":1}\n",
		"an unknown event":   "{\"header\":{\"version\":1}}\n{\"settled\":\"evt_1\"}\n",
		"a line of no JSON":  "{\"header\":{\"version\":1}}\nx\n",
		"a gap in the order": "{\"header\":{\"version\":1}}\n{\"payment\":{\"id\":\"pay_1\",\"sequence\":2}}\n",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, journalFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{APIKey: "k", WebhookSecret: "s", Dir: dir}); err == nil || !strings.Contains(err.Error(), "line") {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s: the file has %q, %v", name, got, err)
		}
	}
}

// TestFailedSync requires that no change is acknowledged or announced after a failed sync: what is
// on the disk is unknown.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	f := open(t, inDir(t.TempDir()))
	f.mustCreate(Automatic)
	read, write, err := os.Pipe() // It can be written, but not synced.
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer f.journal.file.Close()
	f.journal.file = write
	if _, err := f.Pay(f.payments[0].ID, CardApproved, ""); err == nil || len(f.events) != 1 || f.Deliver(t.Context()) != 0 {
		t.Errorf("a payment is acknowledged: %v", err)
	}
	for range 2 {
		requireProblem(t, f.post("/v1/payments", newPayment(Manual)), 500, "internal")
	}
	requireProblem(t, f.must(500, http.MethodGet, "/v1/payments", "", ""), 500, "internal")
}
