// Package registry lists the services, for programs and tests that assemble them all.
package registry

import (
	"souk/functions/order"
	"souk/functions/product"
	"souk/functions/user"
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
}

// Services lists all services. TestDrift fails when one is missing.
var Services = []Service{
	{"product", "The catalogue and the stock.", product.Functions, product.Migrations, product.Topics},
	{"order", "Orders, from placed to delivered.", order.Functions, order.Migrations, order.Topics},
	{"user", "Accounts, sessions and the keys that verify access tokens.", user.Functions, user.Migrations, user.Topics},
}
