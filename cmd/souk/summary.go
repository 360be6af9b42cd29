//go:build !container

package main

import (
	"time"

	"souk/emulators/gateway"
	"souk/emulators/local"
)

// summary prints the URLs and logins of the system that is ready.
func (p *program) summary(s local.Status, took time.Duration) {
	p.say("")
	p.say("%s after %.1f s", p.bold("Souk is ready"), took.Seconds())
	p.say("")
	p.say("  console    %s", p.bold(s.Console.Link))
	p.say("  gateway    %s", p.bold(s.Gateway))
	p.say("  docs       %s%s", s.Gateway, gateway.DocsPath)
	p.say("  mail       %s", s.Mail.URL)
	if s.Payments.Required {
		p.say("  payments   %s", s.Payments.URL)
	}
	p.say("  admin      %s  %s", s.Admin.Email, s.Admin.Password)
	p.say("  customer   %s  %s", s.Customer.Email, s.Customer.Password)
	p.say("  database   %s", s.Database)
	p.say("  pub/sub    PUBSUB_EMULATOR_HOST=%s  project %s", s.PubSub.Host, s.PubSub.Project)
	p.say("  logs       %s/functions.log, emulators.log", p.stateDir)
	p.say("")
	p.say("  real       the functions (the programs that run in the cloud), %s", s.Database)
	p.say("  emulated   Cloud Run, Pub/Sub, push tokens, Cloud Scheduler, the load balancer, the mail server, the payment provider")
	p.say("")
	p.say("Next, in another terminal:")
	p.say(`  eval "$(%s)"`, p.command("env"))
	p.say(`  curl -s "$SOUK_URL/v1/products"`)
	p.say("")
}

// command is how to call souk for the same system.
func (p *program) command(name string) string {
	command := "bin/souk " + name
	if p.stateDir != defaultStateDir {
		command += " --state-dir " + shellQuote(p.stateDir)
	}
	return command
}
