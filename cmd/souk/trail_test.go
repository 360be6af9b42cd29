package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/functions"
)

// TestOperationHint requires that the name of no function gets similar names.
func TestOperationHint(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"": "", "order-cancel": "",
		"order-cancle": "similar names: order-cancel",
		"nope":         "no function is named nope",
	} {
		if got := operationHint(name); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestTrailQuery(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 18, 0, 0, 0, time.UTC)
	const id = "0199c0de-0000-7000-8000-000000000001"
	all := functions.Manifest().Services()
	for name, c := range map[string]struct {
		flags    trailFlags
		query    string
		services []string
	}{
		"all":              {trailFlags{limit: 50}, "pageSize=50", all},
		"many":             {trailFlags{limit: 1000}, "pageSize=100", all},
		"a kind":           {trailFlags{limit: 1, resource: "discount"}, "pageSize=1&resource=discount", []string{"order"}},
		"a resource":       {trailFlags{limit: 1, resource: "role/" + id}, "pageSize=1&resource=role&resourceId=" + id, []string{"user"}},
		"an actor":         {trailFlags{limit: 1, actor: id}, "actorId=" + id + "&pageSize=1", all},
		"staff":            {trailFlags{limit: 1, actor: "staff"}, "actor=staff&pageSize=1", all},
		"a function":       {trailFlags{limit: 1, operation: "webhook-create"}, "operation=webhook-create&pageSize=1", []string{"webhook"}},
		"a former one":     {trailFlags{limit: 1, operation: "order-pack"}, "operation=order-pack&pageSize=1", all},
		"a time and a day": {trailFlags{limit: 1, from: "2026-11-01", to: "2026-11-02T01:00:00+01:00"}, "from=2026-11-01T00:00:00Z&pageSize=1&to=2026-11-02T00:00:00Z", all},
		"two hours":        {trailFlags{limit: 1, from: "2h"}, "from=2026-11-29T16:00:00Z&pageSize=1", all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			query, services, err := (&program{}).trailQuery(c.flags, now)
			if err != nil {
				t.Fatal(err)
			}
			want, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, query); diff != "" {
				t.Errorf("the query (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.services, services); diff != "" {
				t.Errorf("the services (-want +got):\n%s", diff)
			}
		})
	}
}

// trailPages are the pages of two services, by the path and the token.
var trailPages = map[string]string{
	"/v1/trail/orders": `{"items": [
		{"at": "2026-11-29T18:00:02.5Z", "operation": "order-cancel", "actor": {"kind": "customer", "role": "customer", "id": "C"}, "resource": {"kind": "order", "id": "O"},
		 "changes": [{"field": "status", "before": "confirmed", "after": "cancelled"}, {"field": "reason", "omitted": "personal"}], "traceId": "T"}], "nextPageToken": "2"}`,
	"/v1/trail/orders 2": `{"items": [{"at": "2026-11-29T18:00:00Z", "operation": "order-confirm", "actor": {"kind": "function"}, "resource": {"kind": "settings"}, "changes": []}]}`,
	"/v1/trail/users": `{"items": [{"at": "2026-11-29T18:00:01Z", "operation": "role-update", "actor": {"kind": "staff", "role": "owner", "id": "A"}, "resource": {"kind": "role", "name": "packing"},
		 "changes": [{"field": "limit", "after": 9007199254740993}, {"field": "text", "before": "` + strings.Repeat("é", 60) + `"}, {"field": "notes", "omitted": "too_long"}, {"field": "…", "omitted": "too_many"}]}]}`,
}

// newTrailShop returns a program whose shop has the pages of trailPages.
func newTrailShop(t *testing.T, stdout, stderr io.Writer) (*program, *httptest.Server) {
	t.Helper()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, found := trailPages[strings.TrimSpace(r.URL.Path+" "+r.FormValue("pageToken"))]
		switch {
		case r.Header.Get("Authorization") != "Bearer token":
			http.Error(w, `{"detail": "no token"}`, http.StatusUnauthorized)
		case !found:
			page = `{"items": []}`
			fallthrough
		default:
			if _, err := io.WriteString(w, page); err != nil {
				t.Error(err)
			}
		}
	}))
	t.Cleanup(shop.Close)
	getenv := func(name string) string { return map[string]string{"SOUK_ACCESS_TOKEN": "token"}[name] }
	return &program{getenv: getenv, stdout: stdout, stderr: stderr}, shop
}

// TestTrailPeriod refuses times in the future, which select nothing.
func TestTrailPeriod(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"-5h", "yesterday", "2026-02-30", "5"} {
		if _, _, err := (&program{}).trailQuery(trailFlags{limit: 1, from: text}, time.Now()); err == nil || !strings.Contains(err.Error(), "is no time") {
			t.Errorf("--from %s: %v", text, err)
		}
	}
}

func TestTrail(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	p, shop := newTrailShop(t, &stdout, &stderr)
	run := func(args ...string) string {
		stdout.Reset()
		stderr.Reset()
		root := p.rootCommand()
		root.SetArgs(append([]string{"trail", "--url", shop.URL}, args...))
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return stdout.String()
	}
	want := []string{
		"TIME WHO OPERATION RESOURCE CHANGES",
		`2026-11-29T18:00:02.500Z customer C order-cancel order/O status "confirmed" → "cancelled", reason (personal)`,
		`2026-11-29T18:00:01.000Z owner A role-update role/packing limit – → 9007199254740993, text "` + strings.Repeat("é", maxShownValue-1) + "… → –, notes (long), further fields",
		"2026-11-29T18:00:00.000Z function order-confirm settings",
	}
	var got []string
	for line := range strings.Lines(run()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the lines (-want +got):\n%s", diff)
	}
	if stderr.String() != "3 changes\n" {
		t.Errorf("stderr: %s", stderr.String())
	}
	if lines := strings.Count(run("--limit", "1"), "\n"); lines != 2 || !strings.Contains(stderr.String(), "1 changes; raise --limit") {
		t.Errorf("with a limit of 1, %d lines are printed: %s", lines, stderr.String())
	}
	var entries []map[string]any
	text := run("--json")
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		t.Fatal(err)
	}
	services := []any{entries[0]["service"], entries[1]["service"], entries[2]["service"]}
	if !slices.Equal(services, []any{"order", "user", "order"}) || entries[0]["traceId"] != "T" || !strings.Contains(text, "9007199254740993") {
		t.Errorf("the entries are %s", text)
	}
}
