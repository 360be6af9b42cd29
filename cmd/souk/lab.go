//go:build !container

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/cmd/souk/internal/audit"
	"souk/emulators/lab"
	"souk/emulators/local"
	"souk/functions"
	"souk/shared/database"
)

// allExperiments is the name that runs all experiments.
const allExperiments = "all"

// labFlags are the flags of souk lab.
type labFlags struct {
	quick, asJSON bool
	databaseURL   string
	// report is the page to write, again of the results of an earlier run with rewrite.
	report  string
	rewrite bool
}

func (p *program) labCommand() *cobra.Command {
	var flags labFlags
	var list strings.Builder
	names := []string{allExperiments}
	for _, experiment := range lab.All() {
		names = append(names, experiment.Name)
		fmt.Fprintf(&list, "  %-10s %s\n", experiment.Name, experiment.Title)
	}
	command := &cobra.Command{
		Use:   "lab " + strings.Join(names, "|"),
		Short: "Run experiments on scaling, each on a system of its own",
		Long: `Run an experiment: it states a hypothesis, starts a system of its own with data in a
temporary folder, and prints what it saw and which setting in terraform/ is its
counterpart in the cloud. It leaves nothing running.

` + list.String() + `
The exit status is 1 if a result differs from the hypothesis.`,
		Example: `  souk lab events
  souk lab all --quick
  souk lab all --report docs/scaling.md`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		RunE: func(command *cobra.Command, args []string) error {
			if (flags.report != "" || flags.rewrite) && (args[0] != allExperiments || flags.quick || flags.report == "") {
				return p.usageError("--report needs all experiments in full, and --rewrite needs --report")
			}
			if flags.rewrite {
				return rewritePage(flags.report)
			}
			return p.lab(command.Context(), args[0], flags)
		},
	}
	command.Flags().BoolVar(&flags.quick, "quick", false, "run shorter, and compare counts only, no times")
	command.Flags().BoolVar(&flags.asJSON, "json", false, "print JSON")
	command.Flags().StringVar(&flags.databaseURL, "database-url", "", "database server to use (default $DATABASE_URL, or a private one)")
	command.Flags().StringVar(&flags.report, "report", "", "write a page about the run, with its charts: docs/scaling.md")
	command.Flags().BoolVar(&flags.rewrite, "rewrite", false, "run nothing: write the page of --report again from its results")
	command.AddCommand(&cobra.Command{
		Use:    "instance",
		Short:  "Serve the function of the experiments, as an instance",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(command *cobra.Command, _ []string) error { return lab.ServeInstance(command.Context(), p.getenv) },
	})
	return command
}

// lab runs one experiment or all.
func (p *program) lab(ctx context.Context, name string, flags labFlags) error {
	e, err := p.labEnv(flags)
	if err != nil {
		return err
	}
	// Drivers log the faults, which are intended.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	reports := []lab.Report{}
	failed := false
	for _, experiment := range lab.All() {
		if name != allExperiments && name != experiment.Name {
			continue
		}
		p.say("%s %s", p.bold(experiment.Name+":"), experiment.Hypothesis)
		report, err := experiment.Run(ctx, e)
		if err != nil {
			return err
		}
		failed = failed || !report.OK()
		reports = append(reports, report)
		if !flags.asJSON {
			if _, err := fmt.Fprintln(p.stdout, report.Text(os.DirFS("."))); err != nil {
				return fmt.Errorf("write the report: %w", err)
			}
		}
	}
	if flags.report != "" {
		if err := writePage(lab.NewRun(commit(ctx), reports), flags.report); err != nil {
			return err
		}
	}
	if flags.asJSON {
		if err := p.printJSON(reports); err != nil {
			return err
		}
	}
	if failed {
		return exitCode(exitFailed)
	}
	return nil
}

// commit returns the commit of the checkout.
func commit(ctx context.Context) string {
	output, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(output))
}

// rewritePage writes a page again from the results of its run: lines that it links to may
// have moved.
func rewritePage(page string) error {
	run, err := lab.ReadRun(page)
	if err != nil {
		return err
	}
	return writePage(run, page)
}

// writePage writes the page of a run, with the cost estimates of now.
func writePage(run lab.Run, page string) (err error) {
	if run.Costs, err = labCosts("."); err != nil {
		return err
	}
	return run.Write(page, os.DirFS("."))
}

func (p *program) labEnv(flags labFlags) (*lab.Env, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the folder of this program: %w", err)
	}
	url := flags.databaseURL
	if url == "" {
		url = p.getenv("DATABASE_URL")
	}
	return &lab.Env{
		Programs: filepath.Dir(executable), Instance: []string{executable, "lab", "instance"}, Quick: flags.quick,
		DatabaseURL: database.URL(url), Audit: auditSystem,
		Progress: func(line string) { p.say("  %s %s", p.dim(time.Now().Format("15:04:05")), line) },
	}, nil
}

// auditSystem audits a local system, and returns the checks that have findings.
func auditSystem(ctx context.Context, status local.Status) (findings string, err error) {
	options := audit.Options{
		Manifest: functions.Manifest(), Databases: map[string]*sql.DB{},
		PendingFor: audit.DefaultPendingFor, UnpaidFor: audit.DefaultUnpaidFor, OutboxFor: audit.DefaultOutboxFor,
	}
	urls, err := databasesOf(status)
	if err != nil {
		return "", err
	}
	for service, url := range urls {
		db, err := database.Open(database.Config{URL: url})
		if err != nil {
			return "", fmt.Errorf("the %s database: %w", service, err)
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		options.Databases[service] = db.SQL()
	}
	report, err := audit.Run(ctx, options)
	if err != nil {
		return "", err
	}
	for _, result := range report.Checks {
		if result.Count > 0 {
			findings += fmt.Sprintf("; %s: %d, such as %v", result.Check, result.Count, result.Examples[0])
		}
	}
	return findings, nil
}
