package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"souk/emulators/local"
	"souk/functions"
	"souk/shared/database"
)

func (p *program) migrateCommand() *cobra.Command {
	url, logins := "", false
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Create or update the services' databases",
		Long: `Create a database with its tables for each service, and its database users, which can
only read and write rows: one for the service, and one for each function that
restrictedColumns in functions.yaml names. Update those that exist.

The users' passwords are in PRODUCT_DATABASE_PASSWORD, PASSWORD_RESET_DATABASE_PASSWORD
and so on, at least 16 letters and digits each; without them the command lists the
variables, and "souk secrets" generates them. If the URL names a
database, that is the prefix of the names: shop creates shop_product and so on. The
default prefix is souk.`,
		Example: "  souk migrate --database-url mysql://root:secret@127.0.0.1:3306/",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if url == "" {
				url = p.getenv("DATABASE_URL")
			}
			if url == "" {
				return p.usageError("which server? set --database-url or DATABASE_URL")
			}
			if err := p.migrate(command.Context(), database.URL(url)); err != nil || !logins {
				return err
			}
			return p.containers().SeedLogins(command.Context())
		},
	}
	command.Flags().StringVar(&url, "database-url", "", "an account that may create databases: mysql://user:password@host:3306/ (default $DATABASE_URL)")
	command.Flags().BoolVar(&logins, "logins", false, "also create the logins of `souk secrets`")
	return command
}

func (p *program) migrate(ctx context.Context, server database.URL) error {
	prefix, err := local.Prefix(server)
	if err != nil {
		return err
	}
	list := functions.Manifest()
	passwords := map[string]string{}
	var missing []string
	for _, login := range list.Logins() {
		variable := local.PasswordVariable(login)
		passwords[login.Name] = p.getenv(variable)
		if passwords[login.Name] == "" {
			missing = append(missing, variable)
		}
	}
	if len(missing) > 0 {
		return p.usageError("which passwords do the database logins get? set %s", strings.Join(missing, ", "))
	}
	_, err = local.Databases{Server: server, Prefix: prefix, Passwords: passwords}.Migrate(ctx, list)
	if err != nil {
		return err
	}
	p.say("%d databases are up to date on %s", len(list.Services()), server)
	return nil
}
