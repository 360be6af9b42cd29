package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/emulators/console/hooks"
	"souk/shared/database"
)

const (
	// webhooksPeriod is how often webhooks and deliveries are read again.
	webhooksPeriod = 2 * time.Second
	// maxDeliveries is the most deliveries to a webhook that are shown.
	maxDeliveries = 50
	// maxShownResponse is the most characters of a response that are shown.
	maxShownResponse = 300
	// webhookService is the service whose database has the webhooks.
	webhookService = "webhook"
)

// deliveryStates are those that a delivery may have.
var deliveryStates = []string{"pending", "delivered", "failed"}

func webhooksPage(c *Console) page {
	return page{
		name: "webhooks", title: "Webhooks", text: "Endpoints, deliveries and attempts",
		view: c.viewWebhooks, events: c.webhookEvents,
		actions: map[string]action{"resend": c.resendDeliveries},
	}
}

// webhooksView is the data of the page: all webhooks, or one with its deliveries.
type webhooksView struct {
	Unknown bool
	All     webhookList
	// ID is the webhook in the query.
	ID, State string
	States    []string
	One       *webhookView
	Error     string
}

type webhookList struct {
	Error string
	Rows  []webhookRow
}

// webhookDatabase returns the database of the webhooks, or nil without one.
func (c *Console) webhookDatabase() *database.DB {
	if c.databases == nil {
		return nil
	}
	return c.databases.Databases()[webhookService]
}

func (c *Console) listWebhooks(r *http.Request) webhookList {
	endpoints, err := hooks.List(r.Context(), c.webhookDatabase())
	list := webhookList{}
	if err != nil {
		list.Error = err.Error()
	}
	for _, e := range endpoints {
		list.Rows = append(list.Rows, newWebhookRow(e))
	}
	return list
}

// viewWebhook returns the webhook in the query, or why it cannot be shown.
func (c *Console) viewWebhook(r *http.Request) (*webhookView, string) {
	query, db := r.URL.Query(), c.webhookDatabase()
	id, err := uuid.Parse(query.Get("id"))
	if err != nil {
		return nil, "A webhook's id is a UUID."
	}
	e, err := hooks.Find(r.Context(), db, id)
	if errors.Is(err, hooks.ErrNotFound) {
		return nil, "There is no webhook " + id.String() + "."
	}
	if err != nil {
		return nil, err.Error()
	}
	v := &webhookView{webhookRow: newWebhookRow(e), CanResend: c.options.Load != nil && e.Status == "enabled", NoLogin: c.options.Load == nil}
	if state := query.Get("state"); slices.Contains(deliveryStates, state) {
		v.State = state
	}
	deliveries, err := hooks.Deliveries(r.Context(), db, id, v.State, maxDeliveries+1)
	if err != nil {
		return nil, err.Error()
	}
	v.More = len(deliveries) > maxDeliveries
	for _, d := range deliveries[:min(len(deliveries), maxDeliveries)] {
		v.Deliveries = append(v.Deliveries, newDeliveryRow(d, v.CanResend))
	}
	return v, ""
}

func (c *Console) viewWebhooks(r *http.Request) (any, error) {
	query := r.URL.Query()
	v := webhooksView{Unknown: c.webhookDatabase() == nil, ID: query.Get("id"), State: query.Get("state"), States: deliveryStates}
	switch {
	case v.Unknown:
	case v.ID != "":
		v.One, v.Error = c.viewWebhook(r)
	default:
		v.All = c.listWebhooks(r)
	}
	return v, nil
}

// webhookEvents sends all webhooks, or the one in the query.
func (c *Console) webhookEvents(r *http.Request, s *stream) error {
	return s.every(webhooksPeriod, func() error {
		switch {
		case c.webhookDatabase() == nil:
			return nil
		case r.URL.Query().Get("id") == "":
			return c.sendFragment(s, "webhooks", "list", c.listWebhooks(r))
		}
		one, failure := c.viewWebhook(r)
		if failure != "" {
			return nil // the page has shown why, or the database will respond again
		}
		return c.sendFragment(s, "webhooks", "webhook", one)
	})
}

// resendDeliveries sends the delivery in the form again: its event, or all that have failed if the form's field
// "all" is set.
func (c *Console) resendDeliveries(r *http.Request) (string, error) {
	if c.options.Load == nil {
		return "", errNotAvailable
	}
	id, err := uuid.Parse(r.PostForm.Get("webhook"))
	if err != nil {
		return "", fmt.Errorf("%w: select a webhook", errInvalid)
	}
	body := map[string]any{}
	event, err := uuid.Parse(r.PostForm.Get("event"))
	switch all := r.PostForm.Get("all") != ""; {
	case all == (err == nil):
		return "", fmt.Errorf("%w: select an event, or all", errInvalid)
	case !all:
		body["eventId"] = event
	}
	var resent struct{ Count int }
	if err := c.callShop(r.Context(), http.MethodPost, "/v1/webhooks/"+id.String()+"/resend", body, &resent); err != nil {
		return "", err
	}
	switch resent.Count {
	case 0:
		return "Nothing was sent again: pending deliveries, and those older than 27 days, are not.", nil
	case 1:
		return "One event is sent again.", nil
	}
	return fmt.Sprintf("%d events are sent again.", resent.Count), nil
}
