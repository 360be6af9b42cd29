package local

import (
	"context"
	"errors"

	"souk/shared/database"
)

// server is the database server, ours or one that was there.
type server struct {
	// url is an account that may do anything.
	url    database.URL
	status DatabaseStatus
}

// startDatabase finds a database server or starts one.
func (s *System) startDatabase(ctx context.Context) (string, error) {
	s.server = &server{url: s.options.DatabaseURL, status: DatabaseStatus{Kind: "mariadb", Version: "?", DSN: string(s.options.DatabaseURL)}}
	return s.server.status.String(), nil
}

type ThrowAway struct{}

func StartThrowAway(ctx context.Context, report func(Progress)) (*ThrowAway, error) {
	return nil, errors.New("todo")
}

func (t *ThrowAway) URL() database.URL { return "" }
func (t *ThrowAway) Stop(context.Context) error { return nil }
