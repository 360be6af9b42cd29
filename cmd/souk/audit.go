package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"souk/cmd/souk/internal/audit"
	"souk/emulators/local"
	"souk/emulators/mysql"
	"souk/functions"
	"souk/shared/database"
)

// auditLong is the description of the command.
const auditLong = `Read a snapshot of each service's database and check that stock, reservations,
orders, events and payments are consistent. List also the rows that break the current rules for
text, currencies, countries and roles, which earlier versions accepted. The audit
changes nothing and needs only read access.
The databases are those of the running system, or those of --product-url,
--order-url, --payment-url and --user-url (default $PRODUCT_DATABASE_URL and so on).
Payments are also compared with the list of the payment provider: that of the running
system, or the one at $PAYMENT_PROVIDER_URL, whose API key is in $PAYMENT_API_KEY. This
program can read the local provider only, not Stripe. Checks that need the list and are
made without it are printed as NOT CHECKED.
The exit status is 1 if a check has findings and is not listed in --accept, or if the
list of a provider that was given cannot be read.`

func (p *program) auditCommand() *cobra.Command {
	asJSON, cloudSQL, options := false, false, audit.Options{Manifest: functions.Manifest()}
	accepted := []string{}
	urls := map[string]*string{}
	command := &cobra.Command{
		Use:   "audit",
		Short: "Check that stock, reservations, orders, events and payments are consistent",
		Long:  auditLong,
		Example: `  souk audit
  souk audit --accept rule-currency,rule-text
  souk audit --json | jq '.checks[] | select(.count > 0)'`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			if options.Accepted, err = p.acceptedChecks(accepted); err != nil {
				return err
			}
			databases, err := p.auditedDatabases(command.Context(), urls, cloudSQL)
			if err != nil {
				return err
			}
			if options.Provider, options.NoProvider, err = p.auditedProvider(command.Context(), urls, cloudSQL); err != nil {
				return err
			}
			return p.audit(command.Context(), databases, options, asJSON)
		},
	}
	p.stateDirFlag(command)
	addAuditFlags(command, &options)
	flags := command.Flags()
	for _, service := range functions.Manifest().Services() {
		urls[service] = flags.String(service+"-url", "", "database of the "+service+" service: mysql://user:password@host:3306/name")
	}
	flags.StringSliceVar(&accepted, "accept", nil, "checks whose findings are listed but do not fail the audit")
	flags.BoolVar(&cloudSQL, "cloud-sql", false, "read the databases on Cloud SQL, with the settings of migrate-cloud-sql")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

// addAuditFlags adds the flags for the times of an audit.
func addAuditFlags(command *cobra.Command, options *audit.Options) {
	flags := command.Flags()
	flags.DurationVar(&options.Grace, "grace", audit.DefaultGrace, "age below which changes are not compared between databases")
	flags.DurationVar(&options.PendingFor, "pending-for", audit.DefaultPendingFor, "longest time for which an order may be pending")
	flags.DurationVar(&options.UnpaidFor, "unpaid-for", audit.DefaultUnpaidFor, "longest time for which an order may wait for its payment")
	flags.DurationVar(&options.OutboxFor, "outbox-for", audit.DefaultOutboxFor, "longest time for which an event may wait to be published")
}

// acceptedChecks returns the checks of the given names.
func (p *program) acceptedChecks(names []string) (checks []audit.Check, err error) {
	for _, name := range names {
		check := audit.Check(name)
		if !slices.Contains(audit.Checks(), check) {
			return nil, p.usageError("there is no check %q", name)
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// auditedDatabases returns how to reach the services' databases: on Cloud SQL, or by URL.
func (p *program) auditedDatabases(ctx context.Context, flags map[string]*string, cloudSQL bool) (map[string]database.Config, error) {
	databases := map[string]database.Config{}
	if cloudSQL {
		for service := range flags {
			settings, err := p.cloudSQL(service)
			if err != nil {
				return nil, err
			}
			databases[service] = settings
		}
		return databases, nil
	}
	urls, err := p.serviceDatabases(ctx, flags)
	if err != nil {
		return nil, err
	}
	for service, url := range urls {
		databases[service] = database.Config{URL: url}
	}
	return databases, nil
}

func (p *program) audit(ctx context.Context, databases map[string]database.Config, options audit.Options, asJSON bool) (err error) {
	options.Databases = map[string]*sql.DB{}
	for service, settings := range databases {
		db, err := database.Open(settings)
		if err != nil {
			return fmt.Errorf("the %s database: %w", service, err)
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		options.Databases[service] = db.SQL()
	}
	report, err := audit.Run(ctx, options)
	if err != nil {
		return err
	}
	printReport := p.printAudit
	if asJSON {
		printReport = func(r audit.Report) error { return p.printJSON(r) }
	}
	if err := printReport(report); err != nil {
		return err
	}
	if !report.OK {
		return exitCode(exitFailed)
	}
	return nil
}

// serviceDatabases returns the URLs that flags or variables give, all of them or
// none, or else those of the running system.
func (p *program) serviceDatabases(ctx context.Context, flags map[string]*string) (map[string]database.URL, error) {
	urls, missing := p.givenDatabases(flags)
	if len(missing) == 0 {
		return urls, nil
	}
	if len(urls) > 0 {
		return nil, p.usageError("the databases are audited together: %s is missing", strings.Join(missing, ", "))
	}
	status, err := p.status(ctx)
	if err != nil {
		return nil, err
	}
	return databasesOf(status)
}

// givenDatabases returns the URLs that flags or variables give, and the flags of those that
// are missing.
func (p *program) givenDatabases(flags map[string]*string) (urls map[string]database.URL, missing []string) {
	urls = map[string]database.URL{}
	for _, service := range slices.Sorted(maps.Keys(flags)) {
		url := cmp.Or(*flags[service], p.getenv(strings.ToUpper(service)+"_DATABASE_URL"))
		if url == "" {
			missing = append(missing, "--"+service+"-url")
			continue
		}
		urls[service] = database.URL(url)
	}
	return urls, missing
}

// databasesOf returns the databases of a running system.
func databasesOf(status local.Status) (map[string]database.URL, error) {
	urls := map[string]database.URL{}
	for service, name := range status.Database.Names {
		url, err := mysql.DatabaseURL(database.URL(status.Database.DSN), name)
		if err != nil {
			return nil, fmt.Errorf("the %s database: %w", service, err)
		}
		urls[service] = url
	}
	return urls, nil
}
