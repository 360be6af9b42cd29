// Package user keeps the accounts, their sessions and the keys that sign them.
package user

import (
	"embed"

	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/function"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations make the service's tables.
var Migrations = database.Migrations{Name: "user", FS: files}

// Functions returns the functions of the service, by their names in functions.yaml.
func Functions(runtime *function.Runtime) ([]function.Function, error) {
	settings, err := config.Load[auth.SignerConfig](runtime.Environment)
	if err != nil {
		return nil, err
	}
	signer, err := auth.NewSigner(settings)
	if err != nil {
		return nil, err
	}
	keys, err := newKeySet(signer.PublicKeys())
	if err != nil {
		return nil, err
	}
	s := &service{Runtime: runtime, passwords: newHasher(), signer: signer, keys: keys}
	return []function.Function{
		function.HTTP("user-register", s.register, function.Created),
		function.HTTP("user-get", s.get),
		function.HTTP("session-create", s.createSession, function.Created),
		function.HTTP("jwks", s.jwks),
		function.Schedule("user-outbox", s.Outbox.Sweep),
	}, nil
}

type service struct {
	*function.Runtime
	passwords *hasher
	signer    *auth.Signer
	keys      keySet
}
