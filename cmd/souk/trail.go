package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"souk/cmd/souk/internal/trailmerge"
	"souk/functions"
	"souk/shared/trail"
)

const (
	// trailRoute is how the routes of the services' trails begin.
	trailRoute = "GET /v1/trail/"
	// maxTrailPage is the most entries of a page.
	maxTrailPage = 100
)

// trailFlags select the entries of a trail.
type trailFlags struct {
	resource, actor, operation, from, to string
	limit                                int
}

func (p *program) trailCommand() *cobra.Command {
	var shop shopFlags
	var flags trailFlags
	asJSON := false
	command := &cobra.Command{
		Use:   "trail",
		Short: "List who changed what",
		Long: `List who changed what in the shop, and when, newest first: the trails of all services in
one list. Values of personal fields are not in it, and secrets in no form.

--from and --to are a time (2026-11-29T18:00:00Z), a day (2026-11-29, in UTC), or how long
ago (36h).

` + shopLogin,
		Example: `  souk trail
  souk trail --resource order/0199c0de-0000-7000-8000-000000000002
  souk trail --resource product --actor staff --from 24h --limit 200
  souk trail --actor 0199c0de-0000-7000-8000-000000000001 --json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			query, services, err := p.trailQuery(flags, time.Now())
			if err != nil {
				return err
			}
			return p.withShop(command.Context(), shop, func(shop *shopClient) error {
				return p.trail(command.Context(), trailmerge.New(shop.trails(query, services)...), flags.operation, flags.limit, asJSON)
			})
		},
	}
	shop.add(p, command)
	f := command.Flags()
	f.StringVar(&flags.resource, "resource", "", "kind of the resource, or KIND/ID: "+strings.Join(trailKinds(), ", "))
	f.StringVar(&flags.actor, "actor", "", "staff, customer, guest, key or function, or the id of an account or key")
	f.StringVar(&flags.operation, "operation", "", "function that made the change, such as product-update")
	f.StringVar(&flags.from, "from", "", "only changes at this time or later")
	f.StringVar(&flags.to, "to", "", "only changes before this time")
	f.IntVar(&flags.limit, "limit", 50, "maximum number of changes")
	f.BoolVar(&asJSON, "json", false, "print JSON, with the trace and the request of each change")
	return command
}

func trailKinds() []string { return slices.Sorted(maps.Keys(functions.TrailResources)) }

// trailQuery returns the query of the services' lists, and the services that may have such changes.
func (p *program) trailQuery(flags trailFlags, now time.Time) (query url.Values, services []string, err error) {
	if flags.limit < 1 {
		return nil, nil, p.usageError("--limit must be 1 or more")
	}
	query = url.Values{"pageSize": {strconv.Itoa(min(flags.limit, maxTrailPage))}}
	services = functions.Manifest().Services()
	if flags.resource != "" {
		kind, id, hasID := strings.Cut(flags.resource, "/")
		service, found := functions.TrailResources[kind]
		if !found {
			return nil, nil, p.usageError("--resource %q is no kind of resource: use one of %s", kind, strings.Join(trailKinds(), ", "))
		}
		services = []string{service}
		query.Set("resource", kind)
		if hasID {
			parsed, err := uuid.Parse(id)
			if err != nil {
				return nil, nil, p.usageError("--resource %s: %q is not an id: use one that souk trail prints", flags.resource, id)
			}
			query.Set("resourceId", parsed.String())
		}
	}
	if f, found := functions.Manifest().Function(flags.operation); found && flags.resource == "" {
		services = []string{f.Service}
	}
	if flags.operation != "" {
		query.Set("operation", flags.operation)
	}
	if err := p.addActor(query, flags.actor); err != nil {
		return nil, nil, err
	}
	return query, services, p.addPeriod(query, flags, now)
}

// addActor adds the filter of a kind of actor, or of one by its id.
func (p *program) addActor(query url.Values, actor string) error {
	kinds := []trail.Kind{trail.Staff, trail.Customer, trail.Guest, trail.Key, trail.Function}
	id, err := uuid.Parse(actor)
	switch {
	case actor == "":
	case err == nil:
		query.Set("actorId", id.String())
	case slices.Contains(kinds, trail.Kind(actor)):
		query.Set("actor", actor)
	default:
		return p.usageError("--actor %q is neither an id nor one of staff, customer, guest, key and function", actor)
	}
	return nil
}

// addPeriod adds the filters by time.
func (p *program) addPeriod(query url.Values, flags trailFlags, now time.Time) error {
	for name, text := range map[string]string{"from": flags.from, "to": flags.to} {
		if text == "" {
			continue
		}
		at, err := parseMoment(text, now)
		if err != nil {
			return p.usageError("--%s %q is no time: use 2026-11-29T18:00:00Z, 2026-11-29, or how long ago, such as 36h", name, text)
		}
		query.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// parseMoment returns a time of RFC 3339, the beginning of a day in UTC, or a time before now.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Parse(time.DateOnly, text)
}

// trails returns the lists of the trails of services.
func (c *shopClient) trails(query url.Values, services []string) (lists []trailmerge.List) {
	for _, f := range functions.Manifest().Functions {
		if !strings.HasPrefix(f.HTTP, trailRoute) || !slices.Contains(services, f.Service) {
			continue
		}
		lists = append(lists, trailmerge.List{Service: f.Service, Read: func(ctx context.Context, token string) (page trailmerge.Page, err error) {
			all := maps.Clone(query)
			if token != "" {
				all.Set("pageToken", token)
			}
			err = c.call(ctx, http.MethodGet, f.Path()+"?"+all.Encode(), nil, &page)
			return page, err
		}})
	}
	return lists
}

// operationHint returns that no function has a name, with those that are similar, or "". A name without a
// function is not an error: the trail has entries of former releases.
func operationHint(name string) string {
	if _, found := functions.Manifest().Function(name); found || name == "" {
		return ""
	}
	names := &cobra.Command{SuggestionsMinimumDistance: 3}
	for _, f := range functions.Manifest().Functions {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	}
	similar := names.SuggestionsFor(name)
	if len(similar) == 0 {
		return fmt.Sprintf("no function is named %s in this release: docs/architecture.md lists them", name)
	}
	return fmt.Sprintf("no function is named %s in this release; similar names: %s", name, strings.Join(similar, ", "))
}

// trail prints the first entries of a merged trail.
func (p *program) trail(ctx context.Context, m *trailmerge.Merger, operation string, limit int, asJSON bool) error {
	entries := []trailmerge.Entry{}
	for len(entries) < limit {
		entry, found, err := m.Next(ctx)
		if err != nil {
			return err
		}
		if !found {
			break
		}
		entries = append(entries, entry)
	}
	if asJSON {
		return p.printJSON(entries)
	}
	if err := p.printTrail(entries); err != nil {
		return err
	}
	if hint := operationHint(operation); hint != "" && len(entries) == 0 {
		p.say("%s", hint)
	}
	if m.MayHaveMore() {
		p.say("%d changes; raise --limit for older ones", len(entries))
		return nil
	}
	p.say("%d changes", len(entries))
	return nil
}
