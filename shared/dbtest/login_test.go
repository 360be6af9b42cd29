package dbtest_test

import (
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestCreateLogin(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t, tables(1))
	login := ""
	t.Run("creates a login with the rights", func(t *testing.T) {
		name := database.Column{Table: "t0", Name: "name"}
		db := dbtest.Open(t, dbtest.CreateLogin(t, url, database.Rights{NoRead: []database.Column{name}}), 1)
		if err := db.QueryRowContext(t.Context(), `SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)`).Scan(&login); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), `SELECT id FROM t0`); err != nil {
			t.Error(err)
		}
		if _, err := db.ExecContext(t.Context(), `SELECT name FROM t0`); err == nil {
			t.Error("the login reads a column without the right to")
		}
	})
	t.Run("drops the login when the test ends", func(t *testing.T) {
		requireNoLogins(t, url, login)
	})
}

func TestReservePrefix(t *testing.T) {
	t.Parallel()
	var server database.URL
	prefix := ""
	t.Run("reserves a prefix for databases and logins", func(t *testing.T) {
		server = dbtest.ReservePrefix(t)
		cfg, err := database.ParseURL(string(server))
		if err != nil {
			t.Fatal(err)
		}
		prefix = cfg.DBName
		admin := dbtest.New(t)
		for _, statement := range []string{"CREATE DATABASE " + prefix + "_shop", "CREATE USER '" + prefix + "_shop'@'%'"} {
			if _, err := admin.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("drops them when the test ends", func(t *testing.T) {
		requireNoLogins(t, dbtest.Create(t), prefix+"_shop")
		var remaining int
		err := dbtest.New(t).QueryRowContext(t.Context(),
			`SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?`, prefix+"_shop").Scan(&remaining)
		if err != nil || remaining != 0 {
			t.Errorf("%d databases remain, error %v", remaining, err)
		}
	})
}

func requireNoLogins(t *testing.T, url database.URL, login string) {
	t.Helper()
	var remaining int
	err := dbtest.Open(t, url, 1).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM mysql.user WHERE user = ?`, login).Scan(&remaining)
	if err != nil || remaining != 0 || login == "" {
		t.Errorf("%d logins %q remain, error %v", remaining, login, err)
	}
}
