package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	monitoring "google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"

	"souk/cmd/souk/internal/rollout"
)

func (p *program) rolloutCommand() *cobra.Command {
	var granularity, release string
	command := &cobra.Command{
		Use:   "rollout",
		Short: "Support deploy/rollout in the cloud's pipeline",
		Long: `Support the script deploy/rollout, which brings new images to Cloud Run: see
docs/rollout.md. These commands do not change resources.`,
		Example: "  souk rollout services --granularity function",
	}
	command.PersistentFlags().StringVar(&granularity, "granularity", rollout.ByFunction, "function or service, as Terraform's variable of that name")
	command.PersistentFlags().StringVar(&release, "release", "", "file of a release whose functions to use (default: those of this program)")
	runs := func() ([]rollout.Run, error) {
		if granularity != rollout.ByFunction && granularity != rollout.ByService {
			return nil, p.usageError("--granularity is function or service, not %q", granularity)
		}
		return releaseRuns(release, granularity)
	}
	command.AddCommand(p.rolloutServices(runs), p.rolloutState(), p.rolloutSmoke(runs), p.rolloutEvaluate(runs),
		p.rolloutPack(), p.rolloutAccept(), p.rolloutPromote(), p.rolloutImages())
	return command
}

type listRuns func() ([]rollout.Run, error)

func (p *program) rolloutServices(list listRuns) *cobra.Command {
	return &cobra.Command{
		Use:     "services",
		Short:   "List the Cloud Run services and the image of each",
		Example: "  souk rollout services --granularity service",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			runs, err := list()
			for _, run := range runs {
				fmt.Fprintln(p.stdout, run.Name, run.Service)
			}
			return err
		},
	}
}

func (p *program) rolloutState() *cobra.Command {
	return &cobra.Command{
		Use:     "state",
		Short:   "Print the stable and the newest revision",
		Long:    "Read the description of a Cloud Run service from stdin and print the stable revision, newest revision, its image, settled or unsettled, and the address of the tag next.",
		Example: "  gcloud run services describe order-place --format=json | souk rollout state",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			s, err := rollout.ReadState(command.InOrStdin())
			if err != nil {
				return err
			}
			settled := "unsettled"
			if s.Settled {
				settled = "settled"
			}
			fmt.Fprintln(p.stdout, s.Stable, s.Latest, s.Image, settled, s.TagURL())
			return nil
		},
	}
}

func (p *program) rolloutSmoke(list listRuns) *cobra.Command {
	return &cobra.Command{
		Use:   "smoke SERVICE=URL...",
		Short: "Send smoke requests to new revisions",
		Long: `Check the health of new revisions of Cloud Run services at the addresses of their
tags, and send each function that clients call a request that changes nothing.
Functions that Pub/Sub calls must reject this caller. The Cloud Run job smoke runs this
command, because these addresses are reachable only within the network.`,
		Example: "  souk rollout smoke order-place=https://next---order-place-abc-ew.a.run.app",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			runs, err := list()
			if err != nil {
				return err
			}
			urls, err := p.pairs(runs, args)
			if err != nil {
				return err
			}
			client := &http.Client{Timeout: 30 * time.Second}
			var errs []error
			for _, run := range runs {
				if url, asked := urls[run.Name]; asked {
					err := rollout.Smoke(command.Context(), client, run, url)
					if err == nil {
						p.say("%s responds as expected", run.Name)
					}
					errs = append(errs, err)
				}
			}
			return errors.Join(errs...)
		},
	}
}

func (p *program) rolloutEvaluate(list listRuns) *cobra.Command {
	var project, slos, endpoint string
	var since int64
	command := &cobra.Command{
		Use:   "evaluate SERVICE=REVISION...",
		Short: "Check new revisions against the SLOs",
		Long: `Query Cloud Monitoring for the requests of new revisions and compare them with the
SLOs. Print an outcome for each: good, silent (no requests) or BAD.

The command fails if an outcome is BAD or Cloud Monitoring does not respond.`,
		Example: "  souk rollout evaluate --project my-souk-dev --since 1795300000 order-place=order-place-00007-abc",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			runs, err := list()
			if err != nil {
				return err
			}
			revisions, err := p.pairs(runs, args)
			if err != nil {
				return err
			}
			if project == "" || since == 0 {
				return p.usageError("--project and --since are required")
			}
			outcomes, err := evaluate(command.Context(), project, slos, endpoint, runs, revisions, time.Unix(since, 0))
			if err != nil {
				return err
			}
			return p.printOutcomes(outcomes)
		},
	}
	flags := command.Flags()
	flags.StringVar(&project, "project", "", "Google Cloud project")
	flags.Int64Var(&since, "since", 0, "start of the window, in seconds since 1970")
	flags.StringVar(&slos, "slos", "terraform/slo.json", "file of the SLOs")
	flags.StringVar(&endpoint, "endpoint", "", "another endpoint of Cloud Monitoring, without credentials (for tests)")
	return command
}

func evaluate(ctx context.Context, project, path, endpoint string, runs []rollout.Run, revisions map[string]string, since time.Time) ([]rollout.Outcome, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the SLOs: %w", err)
	}
	defer file.Close()
	slos, err := rollout.ReadSLOs(file)
	if err != nil {
		return nil, err
	}
	options := []option.ClientOption{option.WithScopes(monitoring.MonitoringReadScope)}
	if endpoint != "" {
		options = []option.ClientOption{option.WithEndpoint(endpoint), option.WithoutAuthentication()}
	}
	metrics, err := monitoring.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to Cloud Monitoring: %w", err)
	}
	return slos.Evaluate(ctx, metrics, project, runs, revisions, since, time.Now())
}

func (p *program) printOutcomes(outcomes []rollout.Outcome) error {
	bad := 0
	for _, v := range outcomes {
		word := "good"
		switch {
		case v.Bad:
			word, bad = "BAD", bad+1
		case v.Silent:
			word = "silent"
		}
		fmt.Fprintf(p.stdout, "%s: %s: %s\n", v.Revision, word, v.Why)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d revisions miss the SLOs", bad, len(outcomes))
	}
	return nil
}

// pairs reads arguments of the form SERVICE=VALUE.
func (p *program) pairs(runs []rollout.Run, args []string) (map[string]string, error) {
	pairs := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if value == "" || !slices.ContainsFunc(runs, func(r rollout.Run) bool { return r.Name == name }) {
			return nil, p.usageError("%q is not SERVICE=VALUE with a Cloud Run service of this granularity", arg)
		}
		pairs[name] = value
	}
	return pairs, nil
}
