// Package order provides the functions of the order service, which places orders and
// changes their status.
package order

import (
	"net/http"
	"slices"

	"souk/functions"
	"souk/functions/order/migrations"
	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/note"
)

// Migrations create the service's tables.
var Migrations = migrations.All

// transitions lists all allowed changes of an order's status, by the new status. There is
// none to pending, the status with which order-place creates an order.
var transitions = []transition{
	{to: AwaitingPayment, from: []Status{Pending}},
	{to: Confirmed, from: []Status{Pending, AwaitingPayment}, topic: event.NewTopic[StatusChanged]("order-confirmed", "order")},
	{to: PartiallyShipped, from: []Status{Confirmed, PartiallyShipped}, operation: "shipment-create", conflictCode: "order_not_shippable"},
	{to: Shipped, from: []Status{Confirmed, PartiallyShipped}, topic: event.NewTopic[StatusChanged]("order-shipped", "order"), operation: "order-ship", conflictCode: "order_not_shippable"},
	{to: Delivered, from: []Status{Shipped}, topic: event.NewTopic[StatusChanged]("order-delivered", "order"), operation: "order-deliver", conflictCode: "order_not_deliverable"},
	{to: Rejected, from: []Status{Pending}, topic: event.NewTopic[StatusChanged]("order-rejected", "order")},
	{to: Cancelled, from: openStatuses, topic: event.NewTopic[StatusChanged]("order-cancelled", "order"), operation: "order-cancel", conflictCode: "order_not_cancellable"},
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
	s := &service{Runtime: runtime, settings: settings, decisions: newDecisionPoll(runtime.DB)}
	return slices.Concat(s.priceFunctions(), s.noteFunctions(), []function.Function{
		function.CommandBatch("order-place", s.place, function.Created, function.AfterCommit(s.wait),
			function.DocumentErrors(http.StatusConflict, append(orderProblemCodes(), "product_unavailable", "too_many_open_orders", codeTooManyUnpaid, "quantity_limit_reached")...)),
		function.HTTP("checkout-create", s.checkoutCreate, function.Created, function.DocumentErrors(http.StatusConflict, "product_unavailable")),
		function.HTTP("checkout-get", s.checkoutGet, function.DocumentNotFound("checkout"), function.DocumentErrors(http.StatusConflict, "product_unavailable")),
		function.HTTP("checkout-update", s.checkoutUpdate, function.DocumentNotFound("checkout"),
			function.DocumentErrors(http.StatusConflict, "product_unavailable", "checkout_completed")),
		function.Command("checkout-complete", s.checkoutComplete, function.DocumentNotFound("checkout"), function.DocumentErrors(http.StatusNotFound, "order_not_found"),
			function.DocumentErrors(http.StatusConflict, append(orderProblemCodes(), codeCheckoutChanged, "checkout_incomplete", "product_unavailable", "too_many_open_orders", codeTooManyUnpaid, "quantity_limit_reached")...)),
		function.HTTP("order-get", s.get, function.DocumentNotFound("order")),
		function.HTTP("order-list", s.list),
		function.HTTP("order-trail", s.trail),
		function.Command("order-cancel", s.cancel, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusConflict, conflictCode(Cancelled))),
		function.Command("order-ship", s.ship, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusConflict, conflictCode(Shipped), codeNothingToShip)),
		function.Command("shipment-create", s.shipmentCreate, function.Created, function.DocumentNotFound("order"),
			function.DocumentErrors(http.StatusConflict, conflictCode(Shipped), codeLineNotOrdered, "quantity_not_shippable", "too_many_shipments", codeNothingToShip)),
		function.Command("return-create", s.returnCreate, function.Created, function.DocumentNotFound("order"),
			function.DocumentErrors(http.StatusConflict, "order_not_returnable", codeLineNotOrdered, "quantity_not_returnable", "return_period_ended", codeTooManyReturns)),
		function.Command("return-receive", s.returnReceive, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusNotFound, "return_not_found"),
			function.DocumentErrors(http.StatusConflict, codeReturnClosed, "line_not_returned", "quantity_not_returned")),
		function.Command("return-cancel", s.returnCancel, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusNotFound, "return_not_found"),
			function.DocumentErrors(http.StatusConflict, codeReturnClosed, codeReturnOfShop)),
		function.Command("order-deliver", s.deliver, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusConflict, conflictCode(Delivered))),
		function.Schedule("order-expire", s.expire),
		function.EventBatch("order-confirm", s.confirm),
		function.EventBatch("order-reject", s.reject),
		function.EventBatch("order-payment-failed", s.paymentFailed),
		function.Event("order-withdraw", s.withdraw),
		function.Event("order-anonymize", s.anonymize),
		function.Event("order-adopt", s.adopt),
		function.EventBatch("catalog-sync", s.catalogSync),
		function.Event("order-revocations", s.StoreAccessChange),
		function.Schedule("order-outbox", s.Sweep(s.pruneDeletedCustomers, s.pruneCheckouts, s.pruneUnpaidOrders, s.pruneNetworkLimits, s.anonymizeGuests, s.numberOrders)),
	}), nil
}

// priceFunctions returns the functions for the settings of prices and for discounts.
func (s *service) priceFunctions() []function.Function {
	return []function.Function{
		function.HTTP("shop-settings-get", s.shopSettingsGet),
		function.HTTP("shop-settings-update", s.shopSettingsUpdate, function.DocumentErrors(http.StatusConflict, "currency_in_use")),
		function.Command("discount-create", s.discountCreate, function.Created, function.DocumentErrors(http.StatusConflict, "currency_not_set", "code_taken", "too_many_discounts")),
		function.HTTP("discount-get", s.discountGet, function.DocumentNotFound("discount")),
		function.HTTP("discount-list", s.discountList),
		function.HTTP("discount-update", s.discountUpdate, function.DocumentNotFound("discount")),
		function.HTTP("discount-delete", s.discountDelete, function.DocumentNotFound("discount")),
	}
}

// noteFunctions returns the functions for the notes on orders, and their tags.
func (s *service) noteFunctions() []function.Function {
	return []function.Function{
		function.Command("order-note-create", s.noteCreate, function.Created, function.DocumentNotFound("order"), function.DocumentErrors(http.StatusConflict, note.CodeTooMany, codeErased)),
		function.HTTP("order-note-list", s.noteList, function.DocumentNotFound("order")),
		function.Command("order-note-update", s.noteUpdate, function.DocumentNotFound("order"), function.DocumentNotFound("note")),
		function.Command("order-note-delete", s.noteDelete, function.DocumentNotFound("order"), function.DocumentNotFound("note")),
		function.Command("order-tags", s.tags, function.DocumentNotFound("order")),
	}
}

type service struct {
	*function.Runtime
	settings  settings
	decisions *decisionPoll
	rules     ruleCache
}
