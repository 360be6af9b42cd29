// Package product provides the functions of the product service: the catalogue and the
// stock.
package product

import (
	"net/http"

	"souk/functions/product/migrations"
	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function"
)

// Migrations create the service's tables.
var Migrations = migrations.All

var (
	topicProductChanged = event.NewTopic[Changed]("product-changed", "product")
	topicStockReserved  = event.NewTopic[StockReserved]("stock-reserved", "order")
	topicStockRejected  = event.NewTopic[StockRejected]("stock-rejected", "order")
)

// Topics lists the topics that the service publishes to.
var Topics = []event.AnyTopic{topicProductChanged, topicStockReserved, topicStockRejected}

// Functions returns the functions of the service, by their names in functions.yaml.
func Functions(runtime *function.Runtime) ([]function.Function, error) {
	settings, err := config.Load[settings](runtime.Environment)
	if err != nil {
		return nil, err
	}
	if err := settings.validate(); err != nil {
		return nil, err
	}
	s := &service{Runtime: runtime, settings: settings}
	return []function.Function{
		function.Command("product-create", s.create, function.Created, function.DocumentErrors(http.StatusConflict, "sku_taken")),
		function.HTTP("product-get", s.get, function.DocumentNotFound("product")),
		function.HTTP("product-list", s.list),
		function.HTTP("product-update", s.update, function.DocumentNotFound("product"), function.DocumentErrors(http.StatusConflict, "currency_fixed")),
		function.HTTP("product-archive", s.archive, function.DocumentNotFound("product")),
		function.HTTP("product-import", s.importProducts, importBody, function.AcceptGzip),
		function.HTTP("product-export", s.export, exportBody),
		function.HTTP("category-list", s.categoryList),
		function.Command("stock-adjust", s.stockAdjust, function.DocumentNotFound("product"), function.DocumentErrors(http.StatusConflict, "insufficient_stock")),
		function.Event("stock-reserve", s.stockReserve),
		function.Event("stock-release", s.stockRelease),
		function.Event("product-revocations", s.Revocations.HandleEvent),
		function.Schedule("product-outbox", s.Sweep()),
	}, nil
}

type service struct {
	*function.Runtime
	settings settings
}
