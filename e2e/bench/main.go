// Command bench measures the shop on a database server with durable settings, in interleaved
// rounds beside floors and, with -base, beside another commit. It prints medians with the bars
// that they must reach. `make bench` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags of the command.
type options struct {
	root, state, base    string
	names                string
	rounds, rows         int
	round, overload      time.Duration
	clients, buyers      int
	crowd, logins        int
	json, document, tags string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run runs the command, or with the argument floor, serves the floor of reads.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	if slices.Equal(args, []string{"floor"}) {
		return serveFloor(ctx, os.Getenv("PORT"), os.Getenv("DATABASE_URL"))
	}
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	works, err := selectWorks(o.names)
	if err != nil {
		return err
	}
	result, err := measure(ctx, o, works, stdout)
	if err != nil {
		return err
	}
	if o.json != "" {
		if err := result.writeJSON(o.json); err != nil {
			return err
		}
	}
	if o.document != "" {
		return os.WriteFile(o.document, []byte(result.document()), 0o644) //nolint:gosec // a document
	}
	return nil
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.root, "root", ".", "folder of the repository")
	flags.StringVar(&o.state, "state", ".souk-bench", "folder of the database server and its data sets")
	flags.StringVar(&o.base, "base", "", "commit to measure in the same rounds")
	flags.StringVar(&o.names, "bench", "", "works to measure, separated by commas (default all)")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds")
	flags.DurationVar(&o.round, "round", 5*time.Second, "duration of one measurement")
	flags.IntVar(&o.rows, "rows", 100_000, "products and orders in the large data set")
	flags.DurationVar(&o.overload, "overload", 60*time.Second, "duration of the overload")
	flags.IntVar(&o.clients, "clients", 64, "clients that order")
	flags.IntVar(&o.buyers, "buyers", 128, "buyers of one product")
	flags.IntVar(&o.crowd, "crowd", 1024, "the many buyers of one product")
	flags.IntVar(&o.logins, "logins", 256, "simultaneous logins")
	flags.StringVar(&o.tags, "tags", "grpcnotrace", "build tags of the programs, those of the cloud build")
	flags.StringVar(&o.json, "json", "", "file for the result as JSON")
	flags.StringVar(&o.document, "document", "", "file for the result as a document")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	for name, value := range map[string]int{
		"rounds": o.rounds, "rows": o.rows, "clients": o.clients, "buyers": o.buyers, "crowd": o.crowd, "logins": o.logins,
	} {
		if value < 1 {
			return options{}, fmt.Errorf("-%s must be at least 1, got %d", name, value)
		}
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

// selectWorks returns the works with the given names, all for an empty text.
func selectWorks(names string) ([]work, error) {
	all := works()
	if names == "" {
		return all, nil
	}
	var selected []work
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(w work) bool { return w.name == strings.TrimSpace(name) })
		if i < 0 {
			var known []string
			for _, w := range all {
				known = append(known, w.name)
			}
			return nil, fmt.Errorf("no work is named %q, want one of %s", name, strings.Join(known, ", "))
		}
		selected = append(selected, all[i])
	}
	return selected, nil
}
