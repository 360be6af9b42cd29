// Command webhook serves the functions of the webhook service.
package main

import (
	"os"

	"souk/functions"
	"souk/functions/webhook"
	"souk/shared/function"
)

func main() {
	os.Exit(function.Main(functions.Manifest(), "webhook", webhook.Functions))
}
