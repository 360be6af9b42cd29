package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bojanz/currency"
	"github.com/google/uuid"

	"souk/emulators/console/ordertrail"
)

// ordersPeriod is how often the orders are read again.
const ordersPeriod = 2 * time.Second

func ordersPage(c *Console) page {
	return page{
		name: "orders", title: "Orders", text: "One order from placed to delivered",
		view: c.viewOrders, events: c.orderEvents,
	}
}

// ordersView is the data of the page: a list of orders, or one of them.
type ordersView struct {
	Unknown  bool
	Query    string
	Status   string
	Statuses []string
	List     orderList
	// ID is the order in the query.
	ID    string
	One   *orderView
	Error string
}

// orderStatuses are those that an order may have.
var orderStatuses = []string{"pending", "awaiting_payment", "confirmed", "partially_shipped", "shipped", "delivered", "rejected", "cancelled"}

type orderList struct {
	Error    string
	Rows     []orderRow
	Filtered bool
}

type orderRow struct {
	ID, Short, Placed, Status, Class, Total, Items string
	// Decided is how long it took until the order was confirmed, rejected or cancelled, or
	// waited for its payment.
	Decided string
}

// statusClass returns the class of a badge.
func statusClass(status string) string {
	switch status {
	case "pending", "awaiting_payment":
		return "warn"
	case "confirmed", "delivered":
		return "good"
	case "partially_shipped", "shipped":
		return "info"
	case "rejected", "cancelled":
		return "bad"
	}
	return ""
}

func newOrderRow(s ordertrail.Summary) orderRow {
	row := orderRow{
		ID: s.ID.String(), Short: s.ID.String()[:13] + "…" + s.ID.String()[32:], Placed: s.PlacedAt.Local().Format("02 Jan 15:04:05"),
		Status: s.Status, Class: statusClass(s.Status), Total: formatMoney(s.Amount, s.Currency), Items: s.First, Decided: "–",
	}
	if s.Lines > 1 {
		row.Items = fmt.Sprintf("%s and %d more", s.First, s.Lines-1)
	}
	if !s.DecidedAt.IsZero() {
		row.Decided = formatDuration(s.DecidedAt.Sub(s.PlacedAt))
	}
	return row
}

// formatMoney writes an amount in minor units, such as 12.99 EUR.
func formatMoney(amount int64, code string) string {
	m, err := currency.NewAmountFromInt64(amount, code)
	if err != nil {
		return fmt.Sprintf("%d %s", amount, code)
	}
	return m.String()
}

// trails returns the source of orders.
func (c *Console) trails() *ordertrail.Source {
	s := &ordertrail.Source{
		Manifest: c.options.Manifest, Databases: c.databases.Databases(), Undelivered: c.options.Undelivered, Traces: c.options.Traces,
	}
	if c.options.MailURL != "" {
		s.Mails = ordertrail.MailsAt(c.options.MailURL, cmp.Or(c.options.MailPage, c.options.MailURL))
	}
	return s
}

func (c *Console) listOrders(r *http.Request) orderList {
	query := r.URL.Query()
	filter := ordertrail.Filter{ID: strings.TrimSpace(query.Get("q")), Status: query.Get("status")}
	list := orderList{Filtered: filter.ID+filter.Status != ""}
	found, err := c.trails().Recent(r.Context(), filter)
	if err != nil {
		list.Error = err.Error()
	}
	for _, s := range found {
		list.Rows = append(list.Rows, newOrderRow(s))
	}
	return list
}

func (c *Console) viewOrders(r *http.Request) (any, error) {
	query := r.URL.Query()
	v := ordersView{Unknown: c.databases == nil, Query: query.Get("q"), Status: query.Get("status"), Statuses: orderStatuses, ID: query.Get("id")}
	switch {
	case v.Unknown:
	case v.ID != "":
		v.One, v.Error = c.viewOrder(r, v.ID)
	default:
		v.List = c.listOrders(r)
	}
	return v, nil
}

// viewOrder returns an order, or why it cannot be shown.
func (c *Console) viewOrder(r *http.Request, text string) (*orderView, string) {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, "An order's id is a UUID."
	}
	trail, err := c.trails().Find(r.Context(), id)
	if errors.Is(err, ordertrail.ErrNotFound) {
		return nil, "There is no order " + text + "."
	}
	if err != nil {
		return nil, err.Error()
	}
	v := newOrderView(trail)
	v.Changes = c.newestChanges(r, id)
	return v, ""
}

// orderEvents sends the list, or the order in the query.
func (c *Console) orderEvents(r *http.Request, s *stream) error {
	id := r.URL.Query().Get("id")
	return s.every(ordersPeriod, func() error {
		switch {
		case c.databases == nil:
			return nil
		case id == "":
			return c.sendFragment(s, "orders", "list", c.listOrders(r))
		}
		one, failure := c.viewOrder(r, id)
		if failure != "" {
			return nil // the page has shown why, or the databases will respond again
		}
		return c.sendFragment(s, "orders", "order", one)
	})
}
