// Package chaos runs a campaign of faults against a complete system: clients mix operations, and
// pay, on the provider's page, with cards that are approved, declined or need 3-D Secure, or leave
// the page. Meanwhile every message is delivered twice and in random order; functions, the
// database server, the system and the payment provider are killed or suspended; the provider is
// slow, fails before or after its effect, and loses, repeats and reorders its callbacks;
// connections are cut and rows are locked.
//
// The oracle compares the responses that the clients received with the services' databases, in
// SQL, and each order's money with the provider's books, to the minor unit. It shares no code with
// the shop, so that it does not repeat an error of the shop.
//
//	go test ./e2e/chaos -v -orders 20000 -function-kills 1000 -database-kills 20 -system-kills 10 -provider-kills 50 -provider-faults 1000
package chaos
