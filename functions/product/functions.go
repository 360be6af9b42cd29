// Package product keeps the catalogue and the stock.
package product

import (
	"embed"

	"souk/shared/database"
	"souk/shared/function"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations make the service's tables.
var Migrations = database.Migrations{Name: "product", FS: files}

// Functions returns the functions of the service, by their names in functions.yaml.
func Functions(runtime *function.Runtime) ([]function.Function, error) {
	s := &service{runtime}
	return []function.Function{
		function.HTTP("product-create", s.create, function.Created),
		function.HTTP("product-get", s.get),
		function.HTTP("product-list", s.list),
		function.HTTP("product-update", s.update),
		function.HTTP("product-archive", s.archive),
		function.HTTP("product-import", s.importProducts, importBody),
		function.HTTP("product-export", s.exportProducts, exportAnswer),
		function.HTTP("category-list", s.listCategories),
		function.HTTP("stock-adjust", s.adjustStock),
		function.Event("stock-reserve", s.reserveStock),
		function.Event("stock-release", s.releaseStock),
		function.Schedule("product-outbox", s.Outbox.Sweep),
	}, nil
}

type service struct{ *function.Runtime }
