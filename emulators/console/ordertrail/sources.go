package ordertrail

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/emulators/pubsub"
	"souk/emulators/trace"
)

// mailTimeout bounds the request to the mail server.
const mailTimeout = 2 * time.Second

// MailsAt returns Source.Mails of the mail server at a URL. A browser reaches it at page.
func MailsAt(url, page string) func(ctx context.Context) ([]Mail, error) {
	client := &http.Client{Timeout: mailTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) ([]Mail, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/messages", http.NoBody)
		if err != nil {
			return nil, fmt.Errorf("list the mails: %w", err)
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, fmt.Errorf("list the mails: %w", err)
		}
		defer response.Body.Close()
		var list struct {
			Items []struct {
				ID         int64     `json:"id"`
				To         []string  `json:"to"`
				Subject    string    `json:"subject"`
				MessageID  string    `json:"messageId"`
				ReceivedAt time.Time `json:"receivedAt"`
			} `json:"items"`
		}
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("list the mails: %s", response.Status)
		}
		if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
			return nil, fmt.Errorf("list the mails: %w", err)
		}
		mails := make([]Mail, len(list.Items))
		for i, m := range list.Items {
			mails[i] = Mail{
				URL: page + "/api/messages/" + strconv.FormatInt(m.ID, 10) + "/html", MessageID: m.MessageID, To: m.To, Subject: m.Subject, ReceivedAt: m.ReceivedAt,
			}
		}
		return mails, nil
	}
}

// readMails returns all mails, and whether they are unknown. A trail without mails is
// better than none.
func (s *Source) readMails(ctx context.Context) (mails []Mail, unknown bool) {
	if s.Mails == nil {
		return nil, true
	}
	mails, err := s.Mails(ctx)
	return mails, err != nil
}

// mailOf reports whether a mail is about an event: the Message-ID begins with its id.
func mailOf(m Mail, event uuid.UUID) bool {
	return strings.HasPrefix(strings.TrimPrefix(m.MessageID, "<"), event.String()+"@")
}

// Attributes of messages that contain an event.
const attributeID = "id"

// readBroker finds the messages of the events that are not acknowledged.
func (s *Source) readBroker(found *findings) {
	found.pending = map[deliveryKey]pubsub.Peeked{}
	if s.Undelivered == nil || len(found.events) == 0 {
		return
	}
	ids := map[string]uuid.UUID{}
	for _, e := range found.events {
		ids[e.ID.String()] = e.ID
	}
	for _, m := range s.Undelivered(func(attributes map[string]string) bool { _, is := ids[attributes[attributeID]]; return is }) {
		found.pending[deliveryKey{m.Subscription, ids[m.Attributes[attributeID]]}] = m
	}
}

// deliveryCount returns how often a message was delivered before it became a dead letter.
func deliveryCount(letter pubsub.Peeked) int {
	n, err := strconv.Atoi(letter.Attributes[pubsub.AttributeDeliveryCount])
	if err != nil {
		return 0
	}
	return n
}

// Attributes of the spans of deliveries.
const (
	attributeEvent        = "souk.event_id"
	attributeSubscription = "messaging.destination.subscription.name"
	attributeAttempt      = "messaging.gcp_pubsub.message.delivery_attempt"
)

// readTraces adds the traces of the order and of its events, and the attempts that they show.
func (s *Source) readTraces(found *findings, t *Trail) {
	found.attempts = map[deliveryKey]int{}
	if s.Traces == nil {
		return
	}
	seen := map[string]bool{}
	for _, summary := range s.Traces.Search(trace.Query{OrderID: found.order.ID.String()}) {
		seen[summary.ID] = true
		t.Traces = append(t.Traces, summary)
	}
	for _, e := range found.events {
		if e.TraceID == "" || seen[e.TraceID] {
			continue
		}
		seen[e.TraceID] = true
		if w, ok := s.Traces.Find(e.TraceID); ok {
			t.Traces = append(t.Traces, w.Summary)
		}
	}
	for _, summary := range t.Traces {
		w, _ := s.Traces.Find(summary.ID)
		for _, row := range w.Rows {
			event, err := uuid.Parse(row.Attribute(attributeEvent))
			attempt, notCounted := strconv.Atoi(row.Attribute(attributeAttempt))
			if err != nil || notCounted != nil {
				continue
			}
			key := deliveryKey{row.Attribute(attributeSubscription), event}
			found.attempts[key] = max(found.attempts[key], attempt)
		}
	}
	slices.SortFunc(t.Traces, func(a, b trace.Summary) int { return a.Start.Compare(b.Start) })
}
