package product

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/money"
)

// catalogSize is large enough that a scan shows, and made in a moment.
const catalogSize = 20_000

// MustFill makes products, movements and reservations, by doubling them.
func MustFill(t testing.TB, db *database.DB, products int) {
	t.Helper()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec(`CREATE TABLE n (n INT NOT NULL PRIMARY KEY AUTO_INCREMENT, one INT NOT NULL)`)
	exec(`INSERT INTO n (one) VALUES ` + strings.TrimSuffix(strings.Repeat("(1),", 1000), ","))
	for made := 0; made < products; made += 1000 {
		exec(`
			INSERT INTO product (`+productColumns+`)
			SELECT UNHEX(CONCAT(LPAD(HEX(? + n), 16, '0'), LPAD(HEX(n * 7919), 16, '0'))), CONCAT('SKU-', ? + n),
				CONCAT(ELT(1 + n % 7, 'Assam', 'Darjeeling', 'Ceylon', 'Sencha', 'Oolong', 'Rooibos', 'Matcha'), ' number', ? + n),
				CONCAT('Batch', (? + n) % 1000, ' of leaves that were picked by hand'), CONCAT('category', n % 40),
				100 + (? + n) * 37 % 9973, 'EUR', n % 10, IF(n % 50 = 0, 'archived', 'active'), '[]', '{}', 1, NOW(6), NOW(6)
			FROM n`, made, made, made, made, made)
	}
	exec(`INSERT INTO stock_movement (id, product_id, delta, reason, moved_by, moved_at) SELECT id, id, available, 'x', id, NOW(6) FROM product`)
	exec(`INSERT INTO reservation (order_id, state, updated_at) SELECT id, 'reserved', NOW(6) FROM product`)
	exec(`INSERT INTO reservation_item (order_id, product_id, quantity) SELECT id, id, 1 FROM product`)
	exec(`DROP TABLE n`)
	dbtest.Analyze(t, db, "product", "stock_movement", "reservation", "reservation_item")
}

// statements runs each function that holds SQL, by its name.
var statements = map[string]func(context.Context, database.Queryer, Product) error{
	"insertProducts": func(ctx context.Context, q database.Queryer, p Product) error {
		p.ID, p.SKU = uuid.New(), "another"
		return insertProducts(ctx, q, p)
	},
	"insertMovements": func(ctx context.Context, q database.Queryer, p Product) error {
		return insertMovements(ctx, q, movement{ProductID: p.ID, Reason: "x", At: time.Now()})
	},
	"selectProduct": func(ctx context.Context, q database.Queryer, p Product) error {
		return second(selectProduct(ctx, q, p.ID))
	},
	"lockProduct": func(ctx context.Context, q database.Queryer, p Product) error {
		return second(lockProduct(ctx, q, p.ID))
	},
	"updateProduct": updateProduct,
	"selectCategories": func(ctx context.Context, q database.Queryer, p Product) error {
		return second(selectCategories(ctx, q, p.Category, 21))
	},
	"selectCatalog": func(ctx context.Context, q database.Queryer, p Product) error {
		return second(selectCatalog(ctx, q, p.ID, exportBatch))
	},
	"lockProductsBySKU": func(ctx context.Context, q database.Queryer, p Product) error {
		skus := []any{p.SKU}
		for i := range importBatch {
			skus = append(skus, fmt.Sprint("SKU-", i*50))
		}
		return second(lockProductsBySKU(ctx, q, skus))
	},
	"moveStock": func(ctx context.Context, q database.Queryer, p Product) error {
		return second(moveStock(ctx, q, p.ID, 1))
	},
	"takeStock": func(ctx context.Context, q database.Queryer, p Product) error {
		return second(takeStock(ctx, q, placedItem{ProductID: p.ID, Quantity: 1, UnitPrice: p.Price}))
	},
	"insertReservation": func(ctx context.Context, q database.Queryer, _ Product) error {
		return second(insertReservation(ctx, q, uuid.New(), reserved, time.Now()))
	},
	"lockReservation": func(ctx context.Context, q database.Queryer, p Product) error {
		return second(lockReservation(ctx, q, p.ID))
	},
	"updateReservation": func(ctx context.Context, q database.Queryer, p Product) error {
		return updateReservation(ctx, q, p.ID, reserved, time.Now())
	},
	"insertReservedItems": func(ctx context.Context, q database.Queryer, p Product) error {
		return insertReservedItems(ctx, q, uuid.New(), []placedItem{{ProductID: p.ID, Quantity: 1}})
	},
	"returnStock": func(ctx context.Context, q database.Queryer, p Product) error { return returnStock(ctx, q, p.ID) },
	"selectFound": everySearch,
	// These are of other statements, or of none that looks for rows.
	"selectIDs": nil, "queryProducts": nil, "insertRows": nil,
	"savepoint": nil, "rollbackToSavepoint": nil,
}

// second returns the error of a function that returns a value too.
func second[T any](_ T, err error) error { return err }

// everySearch runs every order, with and without filters, on the first page and
// on a later one.
func everySearch(ctx context.Context, q database.Queryer, p Product) error {
	for _, order := range []Order{Newest, Cheapest, Dearest, Named, Relevance} {
		for filters := range 16 {
			f := search{Order: order, MaxPrice: money.Max, InStock: filters&1 != 0}
			if filters&2 != 0 {
				f.Category = p.Category
			}
			if filters&4 != 0 {
				f.MinPrice, f.MaxPrice = p.Price.Amount-50, p.Price.Amount+50
			}
			if filters&8 != 0 || order == Relevance {
				f.Text, f.Words = "batch7", []string{"batch7"}
			}
			for _, after := range []*position{nil, {ID: p.ID, Price: p.Price.Amount, Name: p.Name, Rank: 1_000_000}} {
				if _, err := selectFound(ctx, q, f, after, 21); err != nil {
					return fmt.Errorf("%+v: %w", f, err)
				}
			}
		}
	}
	_, err := selectFound(ctx, q, search{Order: Named, Text: "xl", MaxPrice: money.Max}, nil, 21)
	return err
}

// TestPlans asks the server how it would run each statement of the service.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, event.Migrations, Migrations)
	MustFill(t, db, catalogSize)
	all, err := queryProducts(t.Context(), db, `SELECT `+productColumns+` FROM product WHERE sku = 'SKU-10009'`)
	if err != nil || len(all) != 1 {
		t.Fatalf("the product to look for: %v, %v", all, err)
	}
	for name, run := range statements {
		if run == nil {
			continue
		}
		t.Run(name+" scans no table that grows", func(t *testing.T) {
			if err := run(t.Context(), dbtest.NewExplainer(t, db), all[0]); err != nil {
				t.Error(err)
			}
		})
	}

	t.Run("a scan would be found", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{
			`SELECT id FROM product WHERE name LIKE '%x'`, `SELECT COUNT(*) FROM product`,
			`UPDATE product SET available = 1 WHERE description = 'x'`, `DELETE FROM reservation WHERE state = 'x'`,
		} {
			if scans, err := dbtest.NewExplainer(t, db).Scans(t.Context(), query); err != nil || len(scans) != 1 {
				t.Errorf("%s: found %v, %v", query, scans, err)
			}
		}
	})

	t.Run("no statement is left out", func(t *testing.T) {
		t.Parallel()
		if written, known := mustStore(t), slices.Sorted(maps.Keys(statements)); !slices.Equal(written, known) {
			t.Errorf("the store has %v, this test knows %v", written, known)
		}
	})
}

// mustStore returns the functions of the store that run SQL: those that take what
// runs it.
func mustStore(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("store*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && takesQueryer(f) {
				names = append(names, f.Name.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func takesQueryer(f *ast.FuncDecl) bool {
	return slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool {
		named, ok := p.Type.(*ast.SelectorExpr)
		return ok && named.Sel.Name == "Queryer"
	})
}
