// Package chaos runs a campaign of faults against a complete system: clients mix operations
// while every message is delivered twice and in random order, functions, the database
// server and the system are killed or suspended, connections are cut and rows are locked.
//
// The oracle compares the responses that the clients received with the services'
// databases, in SQL. It shares no code with the shop, so that it does not repeat an error
// of the shop.
//
//	go test ./e2e/chaos -v -orders 20000 -function-kills 1000 -database-kills 20 -system-kills 10
package chaos
