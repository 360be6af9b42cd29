// Command product serves the functions of the product service.
package main

import (
	"os"

	"souk/functions"
	"souk/functions/product"
	"souk/shared/function"
)

func main() {
	os.Exit(function.Main(functions.Manifest(), "product", product.Functions))
}
