// Command bareget serves GET /v1/products/{id} with net/http only, and the same driver, pool
// and SELECT as product-get. It is the baseline of BenchmarkProductGet.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"souk/functions/product"
	"souk/shared/database"
)

func main() {
	db, err := database.Open(database.Config{URL: database.URL(os.Getenv("DATABASE_URL")), MaxOpenConns: 8})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /v1/products/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := uuid.Parse(r.PathValue("id"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var p product.Product
		err = db.QueryRowContext(r.Context(), `
			SELECT id, sku, name, description, category, price_amount, price_currency,
				available, status, version, created_at, updated_at
			FROM product
			WHERE id = ?`, id[:]).Scan(&p.ID, &p.SKU, &p.Name, &p.Description, &p.Category, &p.Price.Amount, &p.Price.Currency,
			&p.Available, &p.Status, &p.Version, &p.CreatedAt, &p.UpdatedAt)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(p); err != nil {
			log.Print(err)
		}
	})
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
