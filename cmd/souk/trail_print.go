package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"souk/cmd/souk/internal/trailmerge"
	"souk/shared/trail"
)

const (
	// trailTime has milliseconds: changes of one request are often within a second.
	trailTime = "2006-01-02T15:04:05.000Z07:00"
	// maxShownValue is the most characters of a value in a line of text.
	maxShownValue = 40
)

// printTrail prints a line for each change.
func (p *program) printTrail(entries []trailmerge.Entry) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	if len(entries) > 0 {
		fmt.Fprintf(table, "TIME\tWHO\tOPERATION\tRESOURCE\tCHANGES\n")
	}
	for _, e := range entries {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", e.At.UTC().Format(trailTime), actorText(e.Actor), e.Operation, resourceText(e.Resource), changesText(e.Changes))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	return nil
}

// actorText returns the role or kind of an actor, with its id.
func actorText(a trailmerge.Actor) string {
	return strings.TrimSpace(cmp.Or(a.Role, a.Kind) + " " + a.ID)
}

// resourceText returns a resource in the form of the flag --resource. Some have a name in place of an id.
func resourceText(r trailmerge.Resource) string {
	if id := cmp.Or(r.ID, r.Name); id != "" {
		return r.Kind + "/" + id
	}
	return r.Kind
}

// changesText returns changes in the form "price.amount 1299 → 1399".
func changesText(changes []trailmerge.Change) string {
	texts := make([]string, len(changes))
	for i, c := range changes {
		texts[i] = changeText(c)
	}
	return strings.Join(texts, ", ")
}

func changeText(c trailmerge.Change) string {
	switch trail.Omission(c.Omitted) {
	case "":
		return c.Field + " " + valueText(c.Before) + " → " + valueText(c.After)
	case trail.OmittedPersonal:
		return c.Field + " (personal)"
	case trail.OmittedTooLong:
		return c.Field + " (long)"
	case trail.OmittedTooMany:
		return "further fields"
	}
	return c.Field + " (" + c.Omitted + ")"
}

// valueText returns a value, cut to maxShownValue characters, or – for none.
func valueText(value json.RawMessage) string {
	text := []rune(string(value))
	switch {
	case len(text) == 0:
		return "–"
	case len(text) > maxShownValue:
		return string(text[:maxShownValue]) + "…"
	}
	return string(text)
}
