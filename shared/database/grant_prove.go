package database

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"souk/shared/config"
)

// ProveRights checks that a login with rights has exactly these rights: a GRANT that succeeds
// may apply to another database. Logins by IAM have no password, so it creates a login with
// the same statements and drops it afterwards. c are the settings of an administrator.
func ProveRights(ctx context.Context, c Config, rights Rights) (err error) {
	admin, err := Open(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	var name string
	if err := admin.QueryRowContext(ctx, `SELECT DATABASE()`).Scan(&name); err != nil {
		return fmt.Errorf("read the database's name: %w", err)
	}
	login, password := proofLogin(name), rand.Text()+"a-1"
	// One that was killed has not dropped its login.
	for _, statement := range []string{"DROP USER IF EXISTS " + account(login), "CREATE USER " + account(login) + " IDENTIFIED BY '" + password + "'"} {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("create a login to prove rights: %w", err)
		}
	}
	defer func() {
		// Also after the rollout was cancelled: the login must not remain.
		_, dropErr := admin.ExecContext(context.WithoutCancel(ctx), "DROP USER "+account(login))
		err = errors.Join(err, dropErr)
	}()
	if err := Grant(ctx, admin, name, login, rights); err != nil {
		return err
	}
	as, err := c.as(login, password)
	if err != nil {
		return err
	}
	return CheckLogin(ctx, admin, as, rights)
}

// proofLogin returns the login that proves rights in a database: one per database, of at most
// the 32 characters that MySQL allows.
func proofLogin(database string) string {
	sum := sha256.Sum256([]byte(database))
	return "souk-proof-" + hex.EncodeToString(sum[:8])
}

// The server's errors for a missing privilege on a table and on a column.
const (
	errTableDenied  = 1142 // ER_TABLEACCESS_DENIED_ERROR
	errColumnDenied = 1143 // ER_COLUMNACCESS_DENIED_ERROR
)

// CheckLogin logs in with c, runs reading and writing statements that match no row of each
// table of admin's database, and checks that the server refuses what rights do not allow.
func CheckLogin(ctx context.Context, admin Queryer, c Config, rights Rights) (err error) {
	var name string
	if err := admin.QueryRowContext(ctx, `SELECT DATABASE()`).Scan(&name); err != nil {
		return fmt.Errorf("read the database's name: %w", err)
	}
	tables, err := readColumns(ctx, admin, name)
	if err != nil {
		return err
	}
	db, err := Open(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("log in with the rights that were granted: %w", err)
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		allowed, remove := []string{"SELECT 1 FROM `" + table + "` LIMIT 1"}, "DELETE FROM `"+table+"` WHERE 1 = 0"
		all, change := Column{Table: table, Name: "*"}, "UPDATE `"+table+"` SET `"+tables[table][0]+"` = NULL WHERE 1 = 0"
		switch {
		case rights.ReadOnly:
			err = errors.Join(err, requireDenied(ctx, db, all, remove))
		case slices.Contains(rights.NoChange, table):
			err = errors.Join(err, requireDenied(ctx, db, all, remove), requireDenied(ctx, db, all, change))
		default:
			allowed = append(allowed, remove)
		}
		for _, statement := range allowed {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("use the rights that were granted: %w", err)
			}
		}
	}
	for _, column := range rights.NoRead {
		err = errors.Join(err, requireDenied(ctx, db, column, "SELECT `"+column.Name+"` FROM `"+column.Table+"` LIMIT 1"))
	}
	for _, column := range rights.NoWrite {
		err = errors.Join(err, requireDenied(ctx, db, column, "UPDATE `"+column.Table+"` SET `"+column.Name+"` = NULL WHERE 1 = 0"))
	}
	return err
}

func requireDenied(ctx context.Context, db Queryer, column Column, statement string) error {
	_, err := db.ExecContext(ctx, statement)
	switch ServerErrorNumber(err) {
	case errTableDenied, errColumnDenied:
		return nil
	}
	return errors.Join(fmt.Errorf("the login has no right to %s.%s, but the server did not refuse it: %s", column.Table, column.Name, statement), err)
}

// as returns c with another login.
func (c Config) as(login, password string) (Config, error) {
	c.User, c.Password, c.MaxOpenConns = login, config.NewSecret(password), 1
	if c.URL == "" {
		return c, nil
	}
	cfg, err := ParseURL(string(c.URL))
	if err != nil {
		return Config{}, err
	}
	cfg.User, cfg.Passwd = login, password
	c.URL = FormatURL(cfg)
	return c, nil
}
