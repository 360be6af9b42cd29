package note

import (
	"context"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/shared/database"
)

func TestFoldTag(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"Gift": "gift", "GIFT": "gift", "two words": "two words", "Straße": "strasse", "E\u0301te\u0301": "été", "É": "é", "ΣΊΣΥΦΟΣ": "σίσυφοσ", "ﬃ": "ffi", "": "",
	} {
		if got := FoldTag(tag); got != want {
			t.Errorf("%q is %q, want %q", tag, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.StringN(0, 40, -1).Draw(t, "tag")
		if folded := FoldTag(tag); utf8.RuneCountInString(folded) > 120 { // the length of the column
			t.Fatalf("%q is %q", tag, folded)
		}
	})
}

func TestDuplicateTags(t *testing.T) {
	t.Parallel()
	in := TagsInput{}
	in.Body.Tags = []string{"gift", "late", "GIFT"}
	if errs := in.Resolve(nil); len(errs) != 1 || !strings.Contains(errs[0].Error(), "duplicate") {
		t.Errorf("got %v", errs)
	}
	in.Body.Tags = []string{"gift", "gifts"}
	if errs := in.Resolve(nil); len(errs) != 0 {
		t.Errorf("got %v", errs)
	}
}

func TestEncodeTags(t *testing.T) {
	t.Parallel()
	for _, tags := range [][]string{nil, {"gift"}, {`"<ä>"`, "b"}} {
		column, err := EncodeTags(tags)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeTags(column); err != nil || !slices.Equal(got, tags) || (got == nil) != (tags == nil) {
			t.Errorf("%q became %q: %v", tags, got, err)
		}
	}
	if _, err := DecodeTags([]byte("{")); err == nil {
		t.Error("a column that is not JSON is accepted")
	}
}

// TestReplaceTags replaces tags by others, of which some are the same in another case.
func TestReplaceTags(t *testing.T) {
	t.Parallel()
	ship, other := uuid.New(), uuid.New()
	db := mustOpen(t, ship, other)
	replace := func(id uuid.UUID, before, after []string) {
		t.Helper()
		mustInTx(by(t, uuid.New()), t, db, func(ctx context.Context, tx *database.Tx) error {
			return ships.ReplaceTags(ctx, tx, id, before, after, start)
		})
	}
	replace(other, nil, []string{"late"})
	var before []string
	for _, after := range [][]string{{"Gift", "late"}, {"late", "GIFT"}, {"fragile", "gift"}, {}} {
		replace(ship, before, after)
		stored, err := database.Collect(t.Context(), db, database.ScanColumn[string], `SELECT tag FROM ship_tag WHERE ship_id = ? ORDER BY tag`, ship[:])
		if err != nil || !slices.Equal(stored, foldTags(after)) {
			t.Errorf("after %q: %q are stored: %v", after, stored, err)
		}
		before = after
	}
	rows, err := database.Collect(t.Context(), db, database.ScanColumn[string], `SELECT tag FROM ship_tag WHERE tag = 'late'`)
	if err != nil || len(rows) != 1 {
		t.Errorf("the tag of the other ship is stored %d times: %v", len(rows), err)
	}
}
