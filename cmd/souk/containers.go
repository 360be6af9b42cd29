package main

import (
	"log/slog"

	"souk/emulators/local"
	"souk/functions"
	"souk/shared/telemetry"
)

// functionURL is where a function is among containers: its name is a host's.
const functionURL = "http://{function}:8080"

// containers is the system whose containers' environment p has.
func (p *program) containers() local.Containers {
	or := func(variable, standard string) string {
		if value := p.getenv(variable); value != "" {
			return value
		}
		return standard
	}
	return local.Containers{
		Manifest:    functions.Manifest(),
		Secrets:     or("SECRETS_DIR", "/run/secrets"),
		Gateway:     p.getenv("SOUK_URL"),
		MailPage:    p.getenv("SOUK_MAIL_URL"),
		PaymentPage: p.getenv(paymentPageVariable),
		Payments:    p.getenv(paymentsVariable) == paymentsOn,
		Console:     p.getenv("CONSOLE_URL"),
		Database:    or("MYSQL_HOST", "mysql:3306"),
		PubSub:      or("PUBSUB_EMULATOR_HOST", "pubsub:8085"),
		SMTP:        or("SMTP_HOST", "mail:1025"),
	}
}

// containersVariable is set to 1 where the system that a command is about is one of
// containers: docker-compose.yml sets it. What `souk env` exports decides nothing.
const containersVariable = "SOUK_CONTAINERS"

// inContainers reports whether the system that a command is about is one of containers.
func (p *program) inContainers() bool { return p.getenv(containersVariable) == "1" }

// logger returns a new logger for a server that runs in a container.
func (p *program) logger() *slog.Logger { return telemetry.NewLogger(p.stderr) }
