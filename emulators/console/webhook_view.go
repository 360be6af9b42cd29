package console

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"souk/emulators/console/hooks"
)

type webhookRow struct {
	ID, Short, URL, Description, Types string
	Status, Class                      string
	Pending, Failed                    string
	HasPending, HasFailed              bool
	Failures                           int
	// Failing is for how long all attempts have failed, Paused for how long nothing is sent; empty for neither.
	Failing, Paused, Created string
}

func newWebhookRow(e hooks.Endpoint) webhookRow {
	row := webhookRow{
		ID: e.ID.String(), Short: e.ID.String()[:13] + "…" + e.ID.String()[32:], URL: e.URL, Description: e.Description,
		Types: strings.ReplaceAll(e.Types, " ", ", "), Status: e.Status, Class: "good", Pending: atMost(e.Pending), Failed: atMost(e.Failed),
		HasPending: e.Pending > 0, HasFailed: e.Failed > 0, Failures: e.Failures, Created: e.CreatedAt.Local().Format("02 Jan 15:04:05"),
	}
	switch {
	case e.Status == "disabled":
		row.Class, row.Status = "bad", "disabled: "+strings.ReplaceAll(e.Reason, "_", " ")
	case e.Failures > 0:
		row.Class = "warn"
	}
	if !e.FailingSince.IsZero() {
		row.Failing = formatDuration(time.Since(e.FailingSince))
	}
	if until := time.Until(e.PausedUntil); until > 0 {
		row.Paused = formatDuration(until)
	}
	return row
}

// atMost writes a number of deliveries that were counted up to a bound.
func atMost(n int) string {
	if n > hooks.MaxCounted {
		return strconv.Itoa(hooks.MaxCounted) + "+"
	}
	return strconv.Itoa(n)
}

// webhookView is one webhook with its latest deliveries.
type webhookView struct {
	webhookRow

	State      string
	Deliveries []deliveryRow
	More       bool
	// CanResend reports whether the console can send deliveries again, NoLogin that it has no login to the shop.
	CanResend, NoLogin bool
}

type deliveryRow struct {
	EventID, Type, State, Class, Created string
	// Order is the order that the event is about, if it is.
	Order, Payload string
	Tried          int
	// DueIn is the time until the next attempt, Waits whether an earlier event must be sent before.
	DueIn    string
	Waits    bool
	Attempts []attemptRow
	// CanResend reports whether it can be sent again.
	CanResend bool
}

type attemptRow struct {
	Number                        int
	At, Took, Status, Class, Body string
}

func newDeliveryRow(d hooks.Delivery, canResend bool) deliveryRow {
	row := deliveryRow{
		EventID: d.EventID.String(), Type: d.Type, State: d.State, Class: "good", Created: clock(d.CreatedAt),
		Payload: indent(d.Payload), Tried: d.Tried, CanResend: canResend && d.State != "pending",
	}
	switch d.State {
	case "pending":
		row.Class, row.Waits = "warn", d.NextAt.IsZero()
		if until := time.Until(d.NextAt); until > 0 {
			row.DueIn = formatDuration(until)
		}
	case "failed":
		row.Class = "bad"
	}
	var payload struct{ Data struct{ OrderID string } }
	if err := json.Unmarshal([]byte(d.Payload), &payload); err == nil {
		row.Order = payload.Data.OrderID
	}
	for _, a := range d.Attempts {
		row.Attempts = append(row.Attempts, newAttemptRow(a))
	}
	return row
}

func newAttemptRow(a hooks.Attempt) attemptRow {
	row := attemptRow{Number: a.Number, At: clock(a.At), Took: formatDuration(a.Took), Status: strconv.Itoa(a.Status), Class: "good", Body: cut(a.Response, maxShownResponse)}
	if a.Error != "" {
		row.Class = "bad"
	}
	if a.Status == 0 {
		row.Status = strings.ReplaceAll(a.Error, "_", " ")
	}
	return row
}
