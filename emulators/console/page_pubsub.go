package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"souk/emulators/console/messages"
	"souk/emulators/pubsub"
)

const (
	// pubsubPeriod is how often the subscriptions are updated, pubsubSlowPeriod how often those
	// of an emulator that is asked over its API.
	pubsubPeriod     = time.Second
	pubsubSlowPeriod = 10 * time.Second
	// maxMessages is the most messages of a subscription that are shown.
	maxMessages = 100
)

func pubsubPage(c *Console) page {
	return page{
		name: "pubsub", title: "Pub/Sub", text: "Topics, subscriptions and dead letters",
		view: c.viewPubSub, events: c.pubsubEvents,
		actions: map[string]action{"publish": c.publishMessage, "replay": c.replayMessages, "discard": c.discardMessages},
	}
}

// pubsubView is the data of the page: all subscriptions, or one with its messages.
type pubsubView struct {
	Unknown bool
	All     subscriptionList
	Topics  []string
	// Name is the subscription in the query.
	Name string
	One  *subscriptionView
}

// subscriptionList are all subscriptions, in groups of a topic.
type subscriptionList struct {
	Error   string
	Counted bool
	Groups  []topicGroup
	// Backlog to Oldest are the sums of all.
	Subscriptions, Backlog, InFlight, DeadLetters int
	Oldest                                        string
}

type topicGroup struct {
	Topic     string
	Published string
	Rows      []subscriptionRow
}

type subscriptionRow struct {
	messages.Subscription
	Oldest string
	// Letters is the number of messages in the subscription's dead letters.
	Letters int
	// Late reports whether messages have waited for long or failed.
	Late bool
}

// lateAfter is the age of the oldest message from which a subscription is late.
const lateAfter = 10 * time.Second

func (c *Console) listSubscriptions(r *http.Request) subscriptionList {
	o, err := c.options.Messages.Overview(r.Context())
	if err != nil {
		return subscriptionList{Error: err.Error()}
	}
	list := subscriptionList{Counted: o.Counted}
	letters := map[string]int{}
	for _, s := range o.Subscriptions {
		if s.IsDeadLetters {
			letters[s.Name] = s.Backlog
		}
	}
	oldest := 0.0
	rows := map[string][]subscriptionRow{}
	for _, s := range o.Subscriptions {
		if s.IsDeadLetters {
			list.DeadLetters += s.Backlog
			continue
		}
		list.Subscriptions++
		list.Backlog += s.Backlog
		list.InFlight += s.InFlight
		oldest = max(oldest, s.OldestSeconds)
		rows[s.Topic] = append(rows[s.Topic], subscriptionRow{
			Subscription: s, Oldest: age(s.OldestSeconds, s.Backlog), Letters: letters[s.DeadLetters],
			Late: s.OldestSeconds > lateAfter.Seconds() || s.MaxAttempts > 0,
		})
	}
	list.Oldest = age(oldest, list.Backlog)
	for _, t := range o.Topics {
		if !strings.HasSuffix(t.Name, ".dead-letter") {
			list.Groups = append(list.Groups, topicGroup{Topic: t.Name, Published: formatCount(t.Published), Rows: rows[t.Name]})
		}
	}
	return list
}

// age writes the age of the oldest of n messages.
func age(seconds float64, n int) string {
	if n == 0 {
		return "–"
	}
	return formatDuration(time.Duration(seconds * float64(time.Second)))
}

// subscriptionView is one subscription with its oldest messages.
type subscriptionView struct {
	Name, Topic, Error string
	DeadLetters        bool
	// Source is the subscription that the dead letters failed on.
	Source   string
	Messages []messageRow
	More     bool
}

type messageRow struct {
	messages.Message
	Published, Age, DueIn string
	Type, EventID, About  string
	TraceID               string
	Attributes            [][2]string
}

func (c *Console) viewSubscription(r *http.Request, name string) *subscriptionView {
	v := &subscriptionView{Name: name, DeadLetters: strings.HasSuffix(name, ".dead-letter")}
	v.Source = strings.TrimSuffix(name, ".dead-letter")
	_, v.Topic, _ = strings.Cut(v.Source, ".")
	found, err := c.options.Messages.Read(r.Context(), name, maxMessages+1)
	if err != nil {
		v.Error = err.Error()
		return v
	}
	v.More = len(found) > maxMessages
	for _, m := range found[:min(len(found), maxMessages)] {
		v.Messages = append(v.Messages, newMessageRow(m))
	}
	return v
}

func newMessageRow(m messages.Message) messageRow {
	row := messageRow{
		Message: m, Published: clock(m.PublishTime), Age: formatDuration(time.Since(m.PublishTime)),
		Type: m.Attributes["type"], EventID: m.Attributes["id"],
	}
	if id := m.Attributes["aggregateId"]; id != "" {
		row.About = m.Attributes["aggregateType"] + " " + id
	}
	if parts := strings.Split(m.Attributes["traceparent"], "-"); len(parts) == 4 {
		row.TraceID = parts[1]
	}
	if m.State == pubsub.StateWaiting && time.Until(m.Due) > 0 {
		row.DueIn = formatDuration(time.Until(m.Due))
	}
	for name, value := range m.Attributes {
		row.Attributes = append(row.Attributes, [2]string{name, value})
	}
	slices.SortFunc(row.Attributes, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	return row
}

// Order returns the id of the order that the message is about.
func (m messageRow) Order() string {
	if id, is := strings.CutPrefix(m.About, "order "); is {
		return id
	}
	return ""
}

func (c *Console) viewPubSub(r *http.Request) (any, error) {
	v := pubsubView{Unknown: c.options.Messages == nil, Name: r.URL.Query().Get("subscription")}
	if v.Unknown {
		return v, nil
	}
	if v.Name != "" {
		v.One = c.viewSubscription(r, v.Name)
		v.Topics = []string{v.One.Topic}
		return v, nil
	}
	v.All = c.listSubscriptions(r)
	for _, g := range v.All.Groups {
		v.Topics = append(v.Topics, g.Topic)
	}
	return v, nil
}

// pubsubEvents sends the subscriptions, or the messages of the one in the query.
func (c *Console) pubsubEvents(r *http.Request, s *stream) error {
	name, period := r.URL.Query().Get("subscription"), pubsubPeriod
	if c.options.Topics == nil {
		period = pubsubSlowPeriod
	}
	return s.every(period, func() error {
		switch {
		case c.options.Messages == nil:
			return nil
		case name != "":
			return c.sendFragment(s, "pubsub", "messages", c.viewSubscription(r, name))
		}
		return c.sendFragment(s, "pubsub", "subscriptions", c.listSubscriptions(r))
	})
}
