package api_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"souk/shared/api"
)

type row struct {
	At time.Time `json:"at"`
	ID int64     `json:"id"`
}

func compare(a, b row) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return int(a.ID - b.ID)
}

// list returns at most limit rows after the key, as a store does.
func list(rows []row, after *row, limit int) []row {
	var found []row
	for _, r := range rows {
		if after == nil || compare(r, *after) > 0 {
			found = append(found, r)
		}
	}
	return found[:min(limit, len(found))]
}

// rows draws distinct rows in order, many of them with the same time.
func rows(t *rapid.T) []row {
	base := time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)
	drawn := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) row {
		return row{
			At: base.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "µs")) * time.Microsecond),
			ID: rapid.Int64Range(0, 1000).Draw(t, "id"),
		}
	}), 0, 120, func(r row) row { return r }).Draw(t, "rows")
	slices.SortFunc(drawn, compare)
	return drawn
}

func TestPage(t *testing.T) {
	t.Parallel()
	t.Run("pages of any size contain every item once, in order", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			all := rows(t)
			query := api.PageQuery{PageSize: rapid.IntRange(0, 100).Draw(t, "pageSize")}
			size := query.PageSize
			if size == 0 {
				size = api.DefaultPageSize
			}
			var seen []row
			pages := 0
			for {
				var after *row
				if err := query.Cursor(&after); err != nil {
					t.Fatalf("a returned token is refused: %v", err)
				}
				page, err := api.NewPage(query, list(all, after, query.Limit()), func(r row) any { return r })
				if err != nil {
					t.Fatal(err)
				}
				if page.Items == nil || len(page.Items) > size {
					t.Fatalf("a page of %d has %d items (nil: %t)", size, len(page.Items), page.Items == nil)
				}
				seen = append(seen, page.Items...)
				if pages++; page.NextPageToken == "" {
					break
				}
				query.PageToken = page.NextPageToken
			}
			if !slices.EqualFunc(seen, all, func(a, b row) bool { return compare(a, b) == 0 }) {
				t.Fatalf("saw %v of %v", seen, all)
			}
			if want := max(1, (len(all)+size-1)/size); pages != want {
				t.Fatalf("%d items in %d pages of %d, want %d: the last must not lead to an empty one", len(all), pages, size, want)
			}
		})
	})

	t.Run("an item that is inserted between pages neither hides nor duplicates others", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			all := rows(t)
			query := api.PageQuery{PageSize: rapid.IntRange(1, 10).Draw(t, "pageSize")}
			current := slices.Clone(all)
			var seen []row
			for {
				var after *row
				if err := query.Cursor(&after); err != nil {
					t.Fatal(err)
				}
				page, err := api.NewPage(query, list(current, after, query.Limit()), func(r row) any { return r })
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, page.Items...)
				if query.PageToken = page.NextPageToken; query.PageToken == "" {
					break
				}
				// Its id is above all others, so that it is distinct.
				late := row{At: all[0].At.Add(time.Duration(rapid.IntRange(-3, 8).Draw(t, "late")) * time.Microsecond), ID: 5000 + int64(len(seen))}
				if len(current) < 2*len(all) {
					current = append(current, late)
					slices.SortFunc(current, compare)
				}
			}
			if !slices.IsSortedFunc(seen, compare) || len(slices.CompactFunc(slices.Clone(seen), func(a, b row) bool { return compare(a, b) == 0 })) != len(seen) {
				t.Fatalf("out of order or twice: %v", seen)
			}
			for _, r := range all {
				if !slices.ContainsFunc(seen, func(s row) bool { return compare(r, s) == 0 }) {
					t.Fatalf("%v was never seen", r)
				}
			}
		})
	})

	t.Run("an empty page has an empty list, not null", func(t *testing.T) {
		t.Parallel()
		page, err := api.NewPage(api.PageQuery{}, []row(nil), func(r row) any { return r })
		if err != nil {
			t.Fatal(err)
		}
		if text, err := json.Marshal(page); err != nil || string(text) != `{"items":[]}` {
			t.Errorf("got %s, %v", text, err)
		}
	})

	t.Run("returns an error for a key that cannot be encoded", func(t *testing.T) {
		t.Parallel()
		_, err := api.NewPage(api.PageQuery{PageSize: 1}, []row{{}, {}}, func(row) any { return func() {} })
		if err == nil {
			t.Error("no error")
		}
	})
}

func TestCursor(t *testing.T) {
	t.Parallel()
	encode := base64.RawURLEncoding.EncodeToString
	for name, token := range map[string]string{
		"text that is not base64":  "!!!",
		"padded base64":            base64.URLEncoding.EncodeToString([]byte(`{"id": 1}`)) + "=",
		"text that is not JSON":    encode([]byte("hunter2")),
		"incomplete JSON":          encode([]byte(`{"at":"2026-01-02T03:04:05Z","id":`)),
		"another type":             encode([]byte(`[1]`)),
		"another field":            encode([]byte(`{"name": "x"}`)),
		"a number":                 encode([]byte(`1`)),
		"nothing":                  encode([]byte(`null`)),
		"two keys":                 encode([]byte(`{"id":1}{"id":2}`)),
		"a member of another type": encode([]byte(`{"id":"one"}`)),
	} {
		t.Run("refuses a token of "+name, func(t *testing.T) {
			t.Parallel()
			key := row{ID: 7}
			err := api.PageQuery{PageToken: token}.Cursor(&key)
			var p *api.Problem
			if !errors.As(err, &p) || p.Status != http.StatusBadRequest || len(p.Errors) != 1 || p.Errors[0].Location != "query.pageToken" {
				t.Errorf("got %v and the key %+v, want a 400", err, key)
			}
		})
	}

	t.Run("does not change the key without a token", func(t *testing.T) {
		t.Parallel()
		key := row{ID: 7}
		if err := (api.PageQuery{}).Cursor(&key); err != nil || key.ID != 7 {
			t.Errorf("got %+v, %v", key, err)
		}
	})
}

func TestEncodedPage(t *testing.T) {
	t.Parallel()
	page := api.Page[string]{Items: []string{"<tea> & \"cups\""}, NextPageToken: "x"}
	encoded, err := page.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []api.Page[string]{page, encoded} {
		var body strings.Builder
		if err := api.EncodeJSON(&body, p); err != nil {
			t.Fatal(err)
		}
		if want := `{"items":["<tea> & \"cups\""],"nextPageToken":"x"}` + "\n"; body.String() != want {
			t.Errorf("got %s, want %s", body.String(), want)
		}
	}
}
