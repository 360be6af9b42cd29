// Package registry lists the services, for programs and tests that assemble them all.
package registry

import (
	"souk/functions/order"
	"souk/functions/payment"
	"souk/functions/product"
	"souk/functions/user"
	"souk/functions/webhook"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
)

// Service is a service of the shop.
type Service struct {
	Name string
	// Description is the service's in openapi.yaml.
	Description string
	Build       function.FunctionsFunc
	// Migrations create the service's own tables.
	Migrations database.Migrations
	// Topics are the topics that the service publishes to.
	Topics []event.AnyTopic
	// Webhooks are the events that the service sends to the endpoints of others.
	Webhooks []webhook.SentEvent
}

// Services lists all services. TestDrift fails when one is missing.
var Services = []Service{
	{"product", "The catalogue and the stock.", product.Functions, product.Migrations, product.Topics, nil},
	{"order", "Orders, from placed to delivered.", order.Functions, order.Migrations, order.Topics, nil},
	{"payment", "Payments of orders, their refunds, and the callbacks of the payment provider.", payment.Functions, payment.Migrations, payment.Topics, nil},
	{"user", "Accounts, sessions and the keys that verify access tokens.", user.Functions, user.Migrations, user.Topics, nil},
	{"webhook", "The shop's events, sent to the endpoints of others.", webhook.Functions, webhook.Migrations, webhook.Topics, webhook.SentEvents()},
}
