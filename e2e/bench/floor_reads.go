package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"souk/functions/product"
	"souk/shared/database"
)

const floorColumns = `id, sku, name, description, category, price_amount, price_currency,
	status, images, attributes, available, version, created_at, updated_at`

// serveFloor serves GET /v1/products/{id} and GET /v1/products with net/http only, and the
// driver, pool and SQL of the functions.
func serveFloor(ctx context.Context, port, url string) (err error) {
	db, err := database.Open(database.Config{URL: database.URL(url), MaxOpenConns: poolSize})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/products/{id}", floorGet(db.SQL()))
	mux.HandleFunc("GET /v1/products", floorList(db.SQL()))
	server := &http.Server{
		Addr: net.JoinHostPort("127.0.0.1", port), Handler: mux, ReadHeaderTimeout: 10 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

func floorGet(db *sql.DB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := uuid.Parse(r.PathValue("id"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var p product.Product
		row := db.QueryRowContext(r.Context(), `SELECT `+floorColumns+` FROM product WHERE id = ?`, id[:])
		if err := scanFloor(row, &p); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		respond(w, p)
	}
}

func floorList(db *sql.DB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.Atoi(r.FormValue("pageSize"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		products, err := selectFloorPage(r.Context(), db, size)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		respond(w, map[string]any{"items": products})
	}
}

func selectFloorPage(ctx context.Context, db *sql.DB, size int) ([]product.Product, error) {
	rows, err := db.QueryContext(ctx, `
		SELECT `+floorColumns+`
		FROM product
		WHERE status = 'active'
		ORDER BY id DESC
		LIMIT ?`, size+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	products := make([]product.Product, 0, size+1)
	for rows.Next() {
		var p product.Product
		if err := scanFloor(rows, &p); err != nil {
			return nil, err
		}
		products = append(products, p)
	}
	return products[:min(size, len(products))], rows.Err()
}

func scanFloor(row database.Scanner, p *product.Product) error {
	return row.Scan(&p.ID, &p.SKU, &p.Name, &p.Description, &p.Category, &p.Price.Amount, &p.Price.Currency,
		&p.Status, &p.Images, &p.Attributes, &p.Available, &p.Version, &p.CreatedAt, &p.UpdatedAt)
}

func respond(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client has left
}
