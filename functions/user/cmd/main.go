// Command user serves the functions of the user service.
package main

import (
	"os"

	"souk/functions"
	"souk/functions/user"
	"souk/shared/function"
)

func main() {
	os.Exit(function.Main(functions.Manifest(), "user", user.Functions))
}
