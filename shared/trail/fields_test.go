package trail

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type embedded struct {
	Name string `json:"name" trail:"value"`
}

type tagged struct {
	embedded
	Embedded embedded       `json:"embedded" trail:"value"`
	Price    map[string]any `json:"price" trail:"value"`
	Address  string         `json:"address" trail:"personal"`
	Hash     string         `json:"hash"`
	At       *time.Time     `json:"at" trail:"value"`
}

// TestCompare compares what is stored, by its JSON.
func TestCompare(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxValue)
	for name, c := range map[string]struct {
		before, after any
		want          string
	}{
		"nothing":               {nil, nil, `[]`},
		"a created resource":    {nil, Fields{"name": "Assam", "note": "", "tags": []string{}, "none": nil, "sold": false, "stock": 0}, `[{"field":"name","after":"Assam"},{"field":"sold","after":false},{"field":"stock","after":0}]`},
		"a deleted resource":    {Fields{"name": "Assam"}, nil, `[{"field":"name","before":"Assam"}]`},
		"members of objects":    {Fields{"price": map[string]any{"amount": 1, "currency": "EUR"}}, Fields{"price": map[string]any{"amount": 2, "currency": "EUR"}}, `[{"field":"price.amount","before":1,"after":2}]`},
		"all digits":            {Fields{"n": int64(9007199254740993)}, Fields{"n": int64(9007199254740995)}, `[{"field":"n","before":9007199254740993,"after":9007199254740995}]`},
		"lists as a whole":      {Fields{"tags": []string{"a"}}, Fields{"tags": []string{"a", "b"}}, `[{"field":"tags","before":["a"],"after":["a","b"]}]`},
		"personal values":       {Fields{"name": Personal("Ada")}, Fields{"name": Personal("Eve")}, `[{"field":"name","omitted":"personal"}]`},
		"equal personal values": {Fields{"name": Personal("Ada")}, Fields{"name": Personal("Ada")}, `[]`},
		"a long value":          {Fields{"text": long}, Fields{"text": "short"}, `[{"field":"text","omitted":"too_long"}]`},
		"HTML as text":          {nil, Fields{"text": "<b>"}, `[{"field":"text","after":"\u003cb\u003e"}]`},
		"the tags of a struct": {
			tagged{embedded: embedded{"a"}, Address: "here", Hash: "one", Price: map[string]any{"amount": 1}},
			&tagged{embedded: embedded{"b"}, Embedded: embedded{"c"}, Address: "there", Hash: "two", Price: map[string]any{"amount": 1}},
			`[{"field":"address","omitted":"personal"},{"field":"embedded.name","after":"c"},{"field":"name","before":"a","after":"b"}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes, err := compare(c.before, c.after)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := encodeFields(changes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(stored)); diff != "" {
				t.Errorf("the fields differ (-want +got):\n%s", diff)
			}
			decoded, err := decodeFields(stored)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := encodeFields(decoded); err != nil || string(again) != string(stored) {
				t.Errorf("the decoded fields are %s (%v), want %s", again, err, stored)
			}
		})
	}
}

// TestLargestEntry checks that the largest entry fits its column, TEXT.
func TestLargestEntry(t *testing.T) {
	t.Parallel()
	before, after := Fields{}, Fields{}
	for i := range 2 * maxFields {
		name := fmt.Sprintf("%s%d", strings.Repeat("ä", maxFieldName), i)
		before[name], after[name] = strings.Repeat("é", maxValue/2-1), strings.Repeat("è", maxValue/2-1)
	}
	changes, err := compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	text, err := encodeFields(changes)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) >= 1<<16 || len(changes) != maxFields+1 || changes[maxFields].Omitted != OmittedTooMany {
		t.Errorf("an entry has %d fields and %d bytes, want %d and less than 64 KiB", len(changes), len(text), maxFields+1)
	}
	if !json.Valid(text) {
		t.Error("the entry is no JSON")
	}
}
