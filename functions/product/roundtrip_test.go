package product_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/product"
	"souk/shared/money"
)

// catalogRandom generates products with values that an export could lose: empty and long
// values, quotes, separators, non-ASCII white space, characters that JSON or HTML escapes,
// leading zeros, and numbers at their bounds.
type catalogRandom struct{ *rand.Rand }

func pick[T any](r catalogRandom, values ...T) T { return values[r.IntN(len(values))] }

// characters are parts of all texts, lineSeparators of descriptions only.
var (
	characters     = []string{"a", "Z", "0", "é", "ß", "🫖", "شاي", `"`, `""`, ",", ";", "'", `\`, "<b>", "&amp;", "=1+1", "-", "#", "%", " ", "  ", "\u00a0", "null", "\ufffd"}
	lineSeparators = []string{"\n", "\n\n", "\t", " \n", "\n\"", "\",\n"}
)

func (r catalogRandom) text(maxParts int, more ...string) string {
	var text strings.Builder
	for range r.IntN(maxParts) {
		text.WriteString(pick(r, append(more, characters...)...))
	}
	return strings.TrimSpace(text.String())
}

func (r catalogRandom) images() product.Images {
	images := product.Images{}
	for range r.IntN(4) {
		images = append(images, "https://images.example.com/"+strings.ReplaceAll(r.text(6), " ", "")+pick(r, "", "a\u00a0b", "?x=1&y=\"2\"", "\u2003.png"))
	}
	return images
}

func (r catalogRandom) attributes() product.Attributes {
	attributes := product.Attributes{}
	for i := range r.IntN(5) {
		attributes[fmt.Sprint("a", i, pick(r, "", ".b", "-c_d"))] = pick(r, any(r.text(5)), true, false, 0.0, -1.5, 250.0, 1e-7,
			9007199254740991.0, -9007199254740991.0, 0.1, 5e-324, "007", "1e5", "")
	}
	return attributes
}

func (r catalogRandom) product(i int) product.Product {
	currency := pick(r, "EUR", "JPY", "KWD")
	return product.Product{
		SKU: pick(r, "00", "S-", "x._-") + fmt.Sprint(i), Name: pick(r, "x", "007", "null", "true") + r.text(8), Description: r.text(12, lineSeparators...),
		Category: r.text(4), Price: money.Money{Amount: pick(r, int64(0), 1, 1299, money.Max), Currency: currency},
		TaxClass: r.text(3), Weight: pick(r, int64(0), 1, 270, 1_000_000_000),
		Status: pick(r, product.Active, product.Archived), Images: r.images(), Attributes: r.attributes(),
	}
}

// longestProduct returns a product in which every value has the maximum length, in
// characters with the most bytes.
func longestProduct() product.Product {
	p := product.Product{
		SKU: strings.Repeat("L", 64), Name: strings.Repeat("🫖", 200), Description: strings.Repeat("🫖", 10_000), Category: strings.Repeat("🫖", 64),
		Price: money.Money{Amount: money.Max, Currency: "EUR"}, TaxClass: strings.Repeat("🫖", 32), Weight: 1_000_000_000,
		Status: product.Active, Images: product.Images{}, Attributes: product.Attributes{},
	}
	for i := range 20 {
		p.Images = append(p.Images, "https://"+strings.Repeat("🫖", 989)+fmt.Sprintf("%03d", i))
	}
	for i := range 50 {
		p.Attributes[fmt.Sprintf("a%063d", i)] = strings.Repeat("<", 500) // six bytes each, if escaped for HTML
	}
	return p
}

// importLines returns products as NDJSON to import.
func importLines(t *testing.T, products []product.Product) string {
	t.Helper()
	var lines strings.Builder
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for _, p := range products {
		err := encoder.Encode(map[string]any{
			"sku": p.SKU, "name": p.Name, "description": p.Description, "category": p.Category, "price": p.Price, "taxClass": p.TaxClass, "weight": p.Weight,
			"status": p.Status, "images": p.Images, "attributes": p.Attributes,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return lines.String()
}

// requireProducts fails the test unless the shop has the products, except for stock and
// versions. It ignores other products.
func (s shop) requireProducts(t *testing.T, products []product.Product) {
	t.Helper()
	for _, want := range products {
		p := s.mustFind(t, want.SKU)
		got := product.Product{
			SKU: p.SKU, Name: p.Name, Description: p.Description, Category: p.Category, Price: p.Price, TaxClass: p.TaxClass, Weight: p.Weight,
			Status: p.Status, Images: p.Images, Attributes: p.Attributes,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("products (-want +got):\n%.4000s", diff)
		}
	}
}

// TestExportImportInverse exports a random catalogue, changes every field of every product,
// and imports the export. In both formats this restores the catalogue, and does not
// change the stock.
func TestExportImportInverse(t *testing.T) {
	t.Parallel()
	for format, mediaType := range map[string]string{"ndjson": ndjson, "csv": csv} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s, seed %d", format, seed), func(t *testing.T) {
				t.Parallel()
				s := open(t)
				random := catalogRandom{rand.New(rand.NewPCG(seed, 16))}
				first, second := []product.Product{longestProduct()}, []product.Product{}
				for i := range 60 {
					first = append(first, random.product(i))
				}
				for i, p := range first {
					other := random.product(i)
					other.SKU, other.Price = p.SKU, money.Money{Amount: p.Price.Amount/2 + 1, Currency: p.Price.Currency} // the currency cannot change
					second = append(second, other)
				}
				if results, sum := s.mustImport(t, ndjson, importLines(t, first)); sum != (product.ImportSummary{Created: len(first)}) {
					t.Fatalf("summary %+v of the first catalogue: %+v", sum, results)
				}
				s.requireProducts(t, first)
				exported := s.mustExport(t, format)
				if results, sum := s.mustImport(t, mediaType, exported); sum != (product.ImportSummary{Unchanged: len(first)}) {
					t.Errorf("summary %+v of the unchanged export: %+v", sum, results)
				}
				s.mustImport(t, ndjson, importLines(t, second))
				s.requireProducts(t, second)
				var deltas strings.Builder
				for _, p := range first {
					fmt.Fprintf(&deltas, "{\"sku\":%q,\"stockDelta\":3}\n", p.SKU)
				}
				s.mustImport(t, ndjson, deltas.String())
				if results, sum := s.mustImport(t, mediaType, exported); sum.Failed > 0 {
					t.Fatalf("summary %+v of the export: %+v", sum, results)
				}
				s.requireProducts(t, first)
				for _, p := range first {
					if got := s.mustFind(t, p.SKU).Available; got != 3 {
						t.Errorf("%d of %s are available after the import, want 3", got, p.SKU)
					}
				}
			})
		}
	}
}
