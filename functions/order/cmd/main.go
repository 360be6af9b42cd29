// Command order serves the functions of the order service.
package main

import (
	"os"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/function"
)

func main() {
	os.Exit(function.Main(functions.Manifest(), "order", order.Functions))
}
