package main

import (
	"github.com/spf13/cobra"

	"souk/emulators/local"
	"souk/functions"
	"souk/shared/database"
)

func (p *program) migrateCommand() *cobra.Command {
	url := ""
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Make the services' databases on a server, or bring them up to date",
		Long: `Make one database a service with its tables, or bring what is there up to date.
If the URL names a database, that begins the names: shop makes shop_product and
so on; otherwise souk does.`,
		Example: "  souk migrate --database-url mysql://root:secret@127.0.0.1:3306/",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if url == "" {
				url = p.getenv("DATABASE_URL")
			}
			if url == "" {
				return p.usageError("which server? set --database-url or DATABASE_URL")
			}
			services := functions.Manifest().Services()
			_, err := local.Databases{Server: database.URL(url)}.Migrate(command.Context(), services)
			if err != nil {
				return err
			}
			p.say("%d databases are up to date on %s", len(services), database.URL(url))
			return nil
		},
	}
	command.Flags().StringVar(&url, "database-url", "", "an account that may create databases: mysql://user:password@host:3306/ (default $DATABASE_URL)")
	return command
}
