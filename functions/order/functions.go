// Package order takes orders and brings each to its end.
package order

import (
	"embed"

	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/function"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations make the service's tables.
var Migrations = database.Migrations{Name: "order", FS: files}

// Functions returns the functions of the service, by their names in functions.yaml.
func Functions(runtime *function.Runtime) ([]function.Function, error) {
	settings, err := config.Load[settings](runtime.Environment)
	if err != nil {
		return nil, err
	}
	if err := settings.validate(); err != nil {
		return nil, err
	}
	s := &service{Runtime: runtime, settings: settings}
	return []function.Function{
		function.HTTP("order-place", s.place, function.Created),
		function.HTTP("order-get", s.get),
		function.HTTP("order-list", s.list),
		function.HTTP("order-cancel", s.cancel),
		function.HTTP("order-ship", s.ship),
		function.HTTP("order-deliver", s.deliver),
		function.Schedule("order-expire", s.expire),
		function.Event("order-confirm", s.confirm),
		function.Event("order-reject", s.reject),
		function.Event("catalog-sync", s.syncCatalog),
		function.Schedule("order-outbox", s.Outbox.Sweep),
	}, nil
}

type service struct {
	*function.Runtime
	settings settings
}
