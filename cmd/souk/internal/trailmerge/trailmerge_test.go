package trailmerge_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"souk/cmd/souk/internal/trailmerge"
)

var start = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// service is a list with random pages. Its entries are named by their place in it.
type service struct {
	name    string
	entries []trailmerge.Entry
	random  *rand.Rand
}

// newService returns a list of up to 40 entries, newest first. Many have the time of another one, also of
// another service.
func newService(name string, random *rand.Rand) *service {
	s := &service{name: name, random: random}
	at := start
	for i := range random.IntN(40) {
		at = at.Add(-time.Duration(random.IntN(3)) * time.Second)
		s.entries = append(s.entries, trailmerge.Entry{Service: name, At: at, Operation: fmt.Sprintf("%s-%d", name, i)})
	}
	return s
}

// read returns a page of a random size: it may be empty, and so may the last one.
func (s *service) read(_ context.Context, token string) (trailmerge.Page, error) {
	from := 0
	if token != "" {
		var err error
		if from, err = strconv.Atoi(token); err != nil {
			return trailmerge.Page{}, err
		}
	}
	size := min(s.random.IntN(6), len(s.entries)-from)
	page := trailmerge.Page{Items: slices.Clone(s.entries[from : from+size])}
	for i := range page.Items {
		page.Items[i].Service = "" // as in the responses of a shop
	}
	if from+size < len(s.entries) || s.random.IntN(2) == 0 {
		page.NextPageToken = strconv.Itoa(from + size)
	}
	return page, nil
}

func (s *service) list() trailmerge.List { return trailmerge.List{Service: s.name, Read: s.read} }

// collect returns up to limit entries.
func collect(t *testing.T, m *trailmerge.Merger, limit int) (entries []trailmerge.Entry) {
	t.Helper()
	for len(entries) < limit {
		entry, found, err := m.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			if m.MayHaveMore() {
				t.Error("there is no next entry, and there may be more")
			}
			break
		}
		entries = append(entries, entry)
	}
	return entries
}

// TestMerge merges lists of random entries by random pages, and compares with all entries sorted by time:
// none is skipped or repeated, whatever the pages are.
func TestMerge(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 0))
		var lists []trailmerge.List
		var want []trailmerge.Entry
		for i := range 1 + random.IntN(6) {
			s := newService(fmt.Sprintf("s%d", i), rand.New(rand.NewPCG(seed, uint64(i)+1)))
			lists, want = append(lists, s.list()), append(want, s.entries...)
		}
		slices.SortStableFunc(want, func(a, b trailmerge.Entry) int { return b.At.Compare(a.At) })
		limit := random.IntN(len(want) + 10)
		m := trailmerge.New(lists...)
		got := collect(t, m, limit)
		if diff := cmp.Diff(want[:min(limit, len(want))], got, cmp.Transformer("text", describe), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: the first %d of %d entries differ (-want +got):\n%s", seed, limit, len(want), diff)
		}
		if len(got) < len(want) && !m.MayHaveMore() {
			t.Errorf("seed %d: after %d of %d entries there are no more", seed, len(got), len(want))
		}
	}
}

func describe(e trailmerge.Entry) string { return e.Service + " " + e.Operation }

// TestReads requires that no page is read before it is needed.
func TestReads(t *testing.T) {
	t.Parallel()
	pages := map[string][]trailmerge.Page{
		"new": {{Items: []trailmerge.Entry{{At: start}, {At: start.Add(-time.Second)}}, NextPageToken: "1"}, {Items: []trailmerge.Entry{{At: start.Add(-time.Hour)}}}},
		"old": {{Items: []trailmerge.Entry{{At: start.Add(-time.Minute)}}, NextPageToken: "1"}, {}},
	}
	reads := map[string]*int{}
	var lists []trailmerge.List
	for _, name := range []string{"new", "old"} {
		reads[name] = new(int)
		lists = append(lists, trailmerge.List{Service: name, Read: func(context.Context, string) (trailmerge.Page, error) {
			*reads[name]++
			return pages[name][*reads[name]-1], nil
		}})
	}
	m := trailmerge.New(lists...)
	for i, want := range []string{"1 1", "1 1", "2 1", "2 2", "2 2"} {
		if _, found, err := m.Next(t.Context()); err != nil || found != (i < 4) {
			t.Fatalf("entry %d: found %v, %v", i, found, err)
		}
		if got := fmt.Sprint(*reads["new"], " ", *reads["old"]); got != want {
			t.Errorf("after entry %d, %s pages were read, want %s", i, got, want)
		}
	}
}

// TestReadFails requires that an error names the service, and that there are no entries without it: one of
// that service could be the newest.
func TestReadFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no response")
	m := trailmerge.New(newService("order", rand.New(rand.NewPCG(7, 7))).list(),
		trailmerge.List{Service: "user", Read: func(context.Context, string) (trailmerge.Page, error) { return trailmerge.Page{}, broken }})
	if _, found, err := m.Next(t.Context()); found || !errors.Is(err, broken) || !strings.Contains(err.Error(), "service user") {
		t.Errorf("got an entry: %v, error %v", found, err)
	}
}
