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

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/money"
)

// Shelf is a catalogue like a shop's: of its words a few are in every tenth
// product or more, most in less than one in a thousand, as Zipf's law has it.
type Shelf struct {
	// Words are the words of the catalogue, the most frequent first.
	Words []string
	// In is how many products each of the words is in.
	In map[string]int
	// Texts are the words of some products, those of the name first: what somebody
	// who looks for one of them may type.
	Texts [][]string
}

const (
	shelfWords      = 20_000
	shelfCategories = 200
	shelfBatch      = 20_000 // the more, the longer are the runs of each word that are written
)

// MustStock fills a shop's catalogue. It is the same each time.
func MustStock(t testing.TB, db *database.DB, products int) Shelf {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	// The twentieth word is half as frequent as the first: common words of
	// a language are stop words, or in every text, and say nothing.
	zipf := rand.NewZipf(random, 1.1, 20, shelfWords-1)
	shelf := Shelf{Words: inventWords(random), In: map[string]int{}}
	words := func(n int) []string {
		some := make([]string, n)
		for i := range some {
			some[i] = shelf.Words[zipf.Uint64()]
		}
		return some
	}
	for made := 0; made < products; made += shelfBatch {
		batch := make([]Product, shelfBatch)
		for i := range batch {
			name, description := words(2+random.IntN(4)), words(10+random.IntN(30))
			p := &batch[i]
			*p = Product{
				ID: uuid.UUID{6: 0x70, 8: 0x80, 13: byte((made + i) >> 16), 14: byte((made + i) >> 8), 15: byte(made + i)}, SKU: fmt.Sprintf("SKU-%06d", made+i),
				Name: strings.Join(name, " "), Description: strings.Join(description, " ") + ".",
				Category: fmt.Sprintf("c%d", random.IntN(shelfCategories)), Available: int64(max(0, random.IntN(50)-5)),
				Price:  money.Money{Amount: 100 + int64(random.ExpFloat64()*3000), Currency: "EUR"},
				Status: Active, Version: 1, CreatedAt: time.Now(), UpdatedAt: time.Now(), Images: Images{}, Attributes: Attributes{},
			}
			all := slices.Concat(name, description)
			slices.Sort(all)
			for _, word := range slices.Compact(all) {
				shelf.In[word]++
			}
			if (made+i)%1000 == 0 {
				shelf.Texts = append(shelf.Texts, slices.Concat(name, description))
			}
		}
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return errors.Join(insertProducts(ctx, tx, batch...), insertWords(ctx, tx, entryRows(batch)))
		})
		if err != nil {
			t.Fatalf("stock the shelf: %v", err)
		}
	}
	dbtest.Analyze(t, db, "product", "product_word")
	return shelf
}

func entryRows(products []Product) (rows [][]any) {
	for i := range products {
		for _, e := range products[i].entries() {
			rows = append(rows, []any{e.word, e.inName, products[i].ID[:]})
		}
	}
	return rows
}

// inventWords makes words of one to five syllables, all different.
func inventWords(random *rand.Rand) []string {
	begin, middle := strings.Fields("b br c ch d f fl g gr h j k l m n p pl r s st t tr v w"), strings.Fields("a e i o u ai ea ou")
	end := strings.Fields("n r l t s m x d")
	seen := map[string]bool{}
	var words []string
	for len(words) < shelfWords {
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
