// Package chaos runs a campaign against a whole system of its own: clients mix
// operations while every message is delivered twice and in random order, functions,
// the database server and the system are killed or suspended, connections are cut
// and rows are locked.
//
// The oracle uses what the clients were acknowledged and SQL on the services'
// databases. It shares no code with the shop, so a fault of the shop's own
// arithmetic cannot hide in it.
//
//	go test ./e2e/chaos -v -orders 20000 -function-kills 1000 -database-kills 20 -system-kills 10
package chaos
