package product

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/product/internal/search"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/money"
)

// Catalog is a realistic catalogue: by Zipf's law, a few of its words are in 10 % or more of
// the products, and most are in less than 0.1 %.
type Catalog struct {
	// Words are the words of the catalogue, the most frequent first.
	Words []string
	// In is the number of products with each word.
	In map[string]int
	// Texts are the words of some products, beginning with the name. They are typical
	// searches for these products.
	Texts [][]string
}

const (
	catalogWords      = 20_000
	catalogCategories = 200
	catalogBatch      = 20_000 // larger batches write longer runs of each word
)

// InsertCatalog inserts a catalogue, which is the same in each run.
func InsertCatalog(t testing.TB, db *database.DB, products int) Catalog {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	// The 20th word is half as frequent as the first: words that are more frequent in a
	// language are stop words.
	zipf := rand.NewZipf(random, 1.1, 20, catalogWords-1)
	catalog := Catalog{Words: randomWords(random), In: map[string]int{}}
	words := func(n int) []string {
		drawn := make([]string, n)
		for i := range drawn {
			drawn[i] = catalog.Words[zipf.Uint64()]
		}
		return drawn
	}
	for created := 0; created < products; created += catalogBatch {
		batch := make([]Product, catalogBatch)
		for i := range batch {
			name, description := words(2+random.IntN(4)), words(10+random.IntN(30))
			p := &batch[i]
			*p = Product{
				ID: uuid.UUID{6: 0x70, 8: 0x80, 13: byte((created + i) >> 16), 14: byte((created + i) >> 8), 15: byte(created + i)}, SKU: fmt.Sprintf("SKU-%06d", created+i),
				Name: strings.Join(name, " "), Description: strings.Join(description, " ") + ".",
				Category: fmt.Sprintf("c%d", random.IntN(catalogCategories)), Available: int64(max(0, random.IntN(50)-5)),
				Price:  money.Money{Amount: 100 + int64(random.ExpFloat64()*3000), Currency: "EUR"},
				Status: Active, Version: 1, CreatedAt: time.Now(), UpdatedAt: time.Now(), Images: Images{}, Attributes: Attributes{},
			}
			all := slices.Concat(name, description)
			slices.Sort(all)
			for _, word := range slices.Compact(all) {
				catalog.In[word]++
			}
			if (created+i)%1000 == 0 {
				catalog.Texts = append(catalog.Texts, slices.Concat(name, description))
			}
		}
		documents := make([]search.Document, len(batch))
		for i := range batch {
			documents[i] = batch[i].document()
		}
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return errors.Join(insertProducts(ctx, tx, batch...), search.Insert(ctx, tx, documents...))
		})
		if err != nil {
			t.Fatalf("insert the catalogue: %v", err)
		}
	}
	dbtest.Analyze(t, db, "product", "product_word")
	return catalog
}

// randomWords returns distinct words of one to five syllables.
func randomWords(random *rand.Rand) []string {
	begin, middle := strings.Fields("b br c ch d f fl g gr h j k l m n p pl r s st t tr v w"), strings.Fields("a e i o u ai ea ou")
	end := strings.Fields("n r l t s m x d")
	seen := map[string]bool{}
	var words []string
	for len(words) < catalogWords {
		word := ""
		for range 1 + random.IntN(4) {
			word += begin[random.IntN(len(begin))] + middle[random.IntN(len(middle))]
		}
		if word += end[random.IntN(len(end))]; len(word) >= 3 && !seen[word] {
			seen[word] = true
			words = append(words, word)
		}
	}
	return words
}
