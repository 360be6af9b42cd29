// Package product provides the functions of the product service: the catalogue and the
// stock.
package product

import (
	"net/http"

	"github.com/google/uuid"

	"souk/functions/product/migrations"
	"souk/shared/api"
	"souk/shared/apikey"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
)

// Migrations create the service's tables.
var Migrations = migrations.All

var (
	topicProductChanged = event.NewTopic[Changed]("product-changed", "product")
	topicStockLow       = event.NewTopic[StockLow]("stock-low", "product")
	topicStockReserved  = event.NewTopic[StockReserved]("stock-reserved", "order")
	topicStockRejected  = event.NewTopic[StockRejected]("stock-rejected", "order")
)

// Topics lists the topics that the service publishes to.
var Topics = []event.AnyTopic{topicProductChanged, topicStockLow, topicStockReserved, topicStockRejected, apikey.UsedTopic}

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
	s.products = database.NewBatchReader(s.readProducts)
	return []function.Function{
		function.Command("product-create", s.create, function.Created, function.DocumentErrors(http.StatusConflict, "sku_taken")),
		function.HTTP("product-get", s.get, function.SharesConnections, function.DocumentNotFound("product")),
		function.HTTP("product-list", s.list, function.SharesConnections),
		function.HTTP("product-facets", s.facets, function.SharesConnections),
		function.HTTP("product-search", s.search),
		function.HTTP("product-update", s.update, function.DocumentNotFound("product"), function.DocumentErrors(http.StatusConflict, "currency_fixed")),
		function.HTTP("product-archive", s.archive, function.DocumentNotFound("product")),
		function.HTTP("product-import", s.importProducts, importBody, function.AcceptGzip),
		function.HTTP("product-export", s.export, exportBody),
		function.HTTP("product-trail", s.trail),
		function.HTTP("category-list", s.categoryList, function.SharesConnections),
		function.Command("stock-adjust", s.stockAdjust, function.DocumentNotFound("product"), function.DocumentErrors(http.StatusConflict, "insufficient_stock")),
		function.HTTP("stock-movement-list", s.stockMovementList, function.DocumentNotFound("product")),
		function.EventBatch("stock-reserve", s.stockReserve),
		function.EventBatch("stock-release", s.stockRelease),
		function.EventBatch("stock-restock", s.stockRestock),
		function.EventBatch("stock-sell", s.stockSell),
		function.EventBatch("stock-ship", s.stockShip),
		function.Event("product-revocations", s.revocations),
		function.Schedule("product-outbox", s.Sweep(s.pruneUnpaidItems)),
	}, nil
}

type service struct {
	*function.Runtime
	settings settings
	// products reads the products of concurrent requests together; lists, counts and categories
	// read equal ones once.
	products   *database.BatchReader[uuid.UUID, Product]
	lists      database.SharedReader[listKey, api.Page[Product]]
	counts     database.SharedReader[string, Facets]
	recent     recentFacets
	categories database.SharedReader[categoriesKey, api.Page[Category]]
}
