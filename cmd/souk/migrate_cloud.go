package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/cobra"

	"souk/emulators/local"
	"souk/functions"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/database/migration"
	"souk/shared/manifest"
)

// The values of Terraform's variable granularity: a Cloud Run service, and with
// it a login, for each function, or two for each service.
const (
	byFunction = "function"
	byService  = "service"
)

func (p *program) migrateCloudSQLCommand() *cobra.Command {
	granularity := ""
	command := &cobra.Command{
		Use:   "migrate-cloud-sql",
		Short: "Update the databases of a Cloud SQL instance",
		Long: `Update the services' databases on Google Cloud, where Terraform has created them and
the functions' logins, and grant each login access to the rows of its service's
database, and of the restricted columns in functions.yaml to its own. The Cloud Run job
migrate runs this command.

INSTANCE_CONNECTION_NAME, DATABASE_USER, DATABASE_PASSWORD and DATABASE_PRIVATE_IP
configure the connection; ORDER_INSTANCE_CONNECTION_NAME and so on if a service has an
instance of its own.`,
		Example: "  INSTANCE_CONNECTION_NAME=project:region:souk souk migrate-cloud-sql",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return p.migrateCloudSQL(command.Context(), granularity)
		},
	}
	command.Flags().StringVar(&granularity, "granularity", byFunction, "one login for each function or service, as Terraform's variable of that name")
	return command
}

// migrateCloudSQL brings the databases of a Cloud SQL instance up to date, and
// grants the functions' logins what they need in them.
func (p *program) migrateCloudSQL(ctx context.Context, granularity string) error {
	if granularity != byFunction && granularity != byService {
		return p.usageError("--granularity is function or service, not %q", granularity)
	}
	list := functions.Manifest()
	for _, service := range list.Services() {
		settings, err := p.cloudSQL(service)
		if err != nil {
			return err
		}
		logins := logins(list, service, granularity)
		missing, err := migrateAndGrant(ctx, settings, service, logins)
		if err != nil {
			return fmt.Errorf("database %s: %w", settings.Name, err)
		}
		if len(missing) > 0 {
			p.say("WARNING: not there yet: %s. Their functions are new; terraform apply creates them, and the next rollout grants their rights", strings.Join(missing, ", "))
		}
		p.say("%s is up to date; %d logins may use it", settings.Name, len(logins)-len(missing))
	}
	return nil
}

// cloudSQL returns how to reach a service's database on the instance that the environment
// names: the service's own, where terraform's variable database gives it one, or the one
// of all.
func (p *program) cloudSQL(service string) (database.Config, error) {
	environment := config.Environment{}
	for _, name := range []string{"INSTANCE_CONNECTION_NAME", "DATABASE_USER", "DATABASE_PASSWORD", "DATABASE_PRIVATE_IP"} {
		environment[name] = p.getenv(name)
	}
	if own := p.getenv(strings.ToUpper(service) + "_INSTANCE_CONNECTION_NAME"); own != "" {
		environment["INSTANCE_CONNECTION_NAME"] = own
	}
	settings, err := config.Load[database.Config](environment)
	if err != nil {
		return database.Config{}, err
	}
	if settings.InstanceConnectionName == "" {
		return database.Config{}, p.usageError("which instance? set INSTANCE_CONNECTION_NAME, as project:region:name")
	}
	settings.Name = "souk_" + service
	return settings, nil
}

// login is a database user and its rights.
type login struct {
	name   string
	rights database.Rights
}

// logins returns the database users of a service's functions.
func logins(list *manifest.Manifest, service, granularity string) []login {
	var runs []string
	sharedBy := map[string][]string{}
	for _, f := range list.FunctionsOf(service) {
		if f.Database == manifest.NoDatabase {
			continue
		}
		run := f.Name
		if granularity == byService {
			run = service + "-push"
			if f.HTTP != "" {
				run = service + "-http"
			}
		}
		if !slices.Contains(runs, run) {
			runs = append(runs, run)
		}
		sharedBy[run] = append(sharedBy[run], f.Name)
	}
	logins := make([]login, len(runs))
	for i, run := range runs {
		logins[i] = login{manifest.Account(run), list.Rights(service, sharedBy[run]...)}
	}
	return logins
}

// migrateAndGrant returns the logins that do not exist.
func migrateAndGrant(ctx context.Context, settings database.Config, service string, logins []login) (missing []string, err error) {
	sets, err := local.Migrations(service)
	if err != nil {
		return nil, err
	}
	settings.StatementTimeout = 0 // an index of a large table takes minutes
	db, err := database.Open(settings)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := migration.Apply(ctx, db.SQL(), sets...); err != nil {
		return nil, err
	}
	return grant(ctx, db, settings, logins)
}

// grant gives logins their rights in a database, and proves that they are what was
// meant. It leaves out and returns logins that Terraform has not created yet: they are of
// new functions, and all others must not wait for those.
func grant(ctx context.Context, db *database.DB, settings database.Config, logins []login) (missing []string, err error) {
	for _, login := range logins {
		err := database.Grant(ctx, db, settings.Name, login.name, login.rights)
		switch {
		case isMissingLogin(err):
			missing = append(missing, login.name)
		case err != nil:
			return nil, fmt.Errorf("was terraform applied? %w", err)
		}
	}
	if len(missing) == len(logins) {
		return nil, fmt.Errorf("none of the logins %q exists: was terraform applied?", missing)
	}
	var proven []database.Rights
	for _, login := range logins {
		if slices.ContainsFunc(proven, func(r database.Rights) bool { return r.Equal(login.rights) }) {
			continue
		}
		if err := database.ProveRights(ctx, settings, login.rights); err != nil {
			return nil, fmt.Errorf("%s was granted its rights, but does not have exactly these: %w", login.name, err)
		}
		proven = append(proven, login.rights)
	}
	return missing, nil
}

// isMissingLogin reports whether a GRANT named a user that does not exist: MySQL's
// ER_CANT_CREATE_USER_WITH_GRANT, MariaDB's ER_PASSWORD_NO_MATCH.
func isMissingLogin(err error) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server) && (server.Number == 1410 || server.Number == 1133)
}
