package console

import (
	"context"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/trail"
)

// testProduct is a product with changes.
const testProduct = "0199c0de-0000-7000-8000-0000000000aa"

// addChanges records two changes of a product, and one of the order of newDatabases.
func addChanges(t *testing.T, urls map[string]database.URL) {
	t.Helper()
	product, orderID := uuid.MustParse(testProduct), uuid.MustParse(testOrder)
	at := time.Now().UTC().Add(-time.Hour)
	ctx := auth.WithPrincipal(trail.WithOperation(t.Context(), "product-update"), auth.Principal{UserID: uuid.New(), Role: "manager"})
	for service, changes := range map[string][]trail.Change{
		"product": {
			{Resource: "product", ID: product, At: at, Before: trail.Fields{"name": "<tea>", "price": 1299}, After: trail.Fields{"name": "Assam", "price": 1399}},
			{Resource: "product", ID: product, At: at.Add(time.Second), Before: trail.Fields{"note": trail.Personal("a")}, After: trail.Fields{"note": trail.Personal("b")}},
		},
		"order": {
			{Resource: "order", ID: orderID, At: at.Add(2 * time.Second), After: trail.Fields{"status": "shipped"}, Context: trail.WithOperation(t.Context(), "order-pack")},
		},
	} {
		db, err := database.Open(database.Config{URL: urls[service]})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error { return trail.Record(ctx, tx, changes...) }); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTrailPage(t *testing.T) {
	t.Parallel()
	urls := newDatabases(t)
	addChanges(t, urls)
	_, base := newConsole(t, func(o *Options) { o.Databases = urls })
	for _, test := range []struct {
		name, path string
		texts      []string
	}{
		{"changes of all services are listed with their values", "/trail", []string{
			"by manager", "&lt;tea&gt;", "without <tea>", "Assam", "1299", "→ 1399", "(personal)", "by function", "/functions?name=product-update", "/trail?id=" + testProduct,
			"without /functions?name=order-pack", "without >Older<",
		}},
		{"an order leads to its page and to its changes", "/trail?resource=order", []string{"/orders?id=" + testOrder, "/trail?id=" + testOrder, "→ shipped", "without by manager"}},
		{"the page of an order has its part of the trail", "/orders?id=" + testOrder, []string{"order-pack", "/trail?id=" + testOrder}},
		{"an id selects changes", "/trail?id=" + testProduct, []string{"→ 1399", "without → shipped"}},
		{"an operation selects changes", "/trail?operation=order-pack", []string{"→ shipped", "without → 1399"}},
		{"a search without results is explained", "/trail?operation=order-place", []string{"No change matches"}},
		{"what is no id is explained", "/trail?id=xyz", []string{"The trail cannot be read", "is a UUID"}},
		{"what is no page is explained", "/trail?after=xyz", []string{"The trail cannot be read", "no page of this list", ">Newest<"}},
	} {
		t.Run(test.name, func(t *testing.T) { requireTexts(t, mustGet(t, base, test.path), test.texts...) })
	}
	t.Run("older changes are on further pages", func(t *testing.T) {
		for range trailPageSize {
			addChanges(t, urls)
		}
		pages, path := 0, "/trail?resource=product"
		for path != "" {
			body := mustGet(t, base, path)
			pages++
			path = linkTo(body, "Older")
		}
		if pages != 3 { // of 102 changes
			t.Errorf("there are %d pages, want 3", pages)
		}
	})
	t.Run("a system without databases says so", func(t *testing.T) {
		_, base := newConsole(t, nil)
		requireTexts(t, mustGet(t, base, "/trail"), "Not available here")
	})
}

// linkTo returns the path of the button with a text, or nothing without one.
func linkTo(body, text string) string {
	before, _, found := strings.Cut(body, `">`+text+`</a>`)
	if !found {
		return ""
	}
	return html.UnescapeString(before[strings.LastIndex(before, `href="`)+len(`href="`):])
}
