// Package order provides the functions of the order service, which places orders and
// changes their status.
package order

import (
	"net/http"

	"souk/functions"
	"souk/functions/order/migrations"
	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function"
)

// Migrations create the service's tables.
var Migrations = migrations.All

// transitions lists all allowed changes of an order's status, by the new status. There is
// none to pending, the status with which order-place creates an order.
var transitions = []transition{
	{to: Confirmed, from: []Status{Pending}, topic: event.NewTopic[StatusChanged]("order-confirmed", "order")},
	{to: Shipped, from: []Status{Confirmed}, topic: event.NewTopic[StatusChanged]("order-shipped", "order"), operation: "order-ship", conflictCode: "order_not_shippable"},
	{to: Delivered, from: []Status{Shipped}, topic: event.NewTopic[StatusChanged]("order-delivered", "order"), operation: "order-deliver", conflictCode: "order_not_deliverable"},
	{to: Rejected, from: []Status{Pending}, topic: event.NewTopic[StatusChanged]("order-rejected", "order")},
	{to: Cancelled, from: []Status{Pending, Confirmed}, topic: event.NewTopic[StatusChanged]("order-cancelled", "order"), operation: "order-cancel", conflictCode: "order_not_cancellable"},
}

// Functions returns the functions of the service, by their names in functions.yaml.
func Functions(runtime *function.Runtime) ([]function.Function, error) {
	settings, err := config.Load[settings](runtime.Environment)
	if err != nil {
		return nil, err
	}
	if err := settings.validate(); err != nil {
		return nil, err
	}
	if runtime.Serves("order-expire") {
		settings.warnIfOutageExpiresOrders(functions.Manifest().Delivery)
	}
	s := &service{Runtime: runtime, settings: settings}
	return []function.Function{
		function.Command("order-place", s.place, function.Created, function.AfterCommit(s.wait),
			function.DocumentErrors(http.StatusConflict, "product_unavailable", "too_many_open_orders", "quantity_limit_reached")),
		function.HTTP("order-get", s.get, function.DocumentNotFound("order")),
		function.HTTP("order-list", s.list),
		function.Command("order-cancel", s.cancel, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusConflict, conflictCode(Cancelled))),
		function.Command("order-ship", s.ship, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusConflict, conflictCode(Shipped))),
		function.Command("order-deliver", s.deliver, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusConflict, conflictCode(Delivered))),
		function.Schedule("order-expire", s.expire),
		function.Event("order-confirm", s.confirm),
		function.Event("order-reject", s.reject),
		function.Event("order-anonymize", s.anonymize),
		function.Event("catalog-sync", s.catalogSync),
		function.Event("order-revocations", s.Revocations.HandleEvent),
		function.Schedule("order-outbox", s.Sweep(s.pruneDeletedCustomers)),
	}, nil
}

type service struct {
	*function.Runtime
	settings settings
}
