package webhook

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
)

// SentEvent describes the requests about events of one type, for openapi.yaml.
type SentEvent struct {
	Name, Summary string
	// Sent is a sentence about when they are sent.
	Sent string
	// Payload is the type of the body, and Data that of its member data.
	Payload, Data reflect.Type
	// Responses describe the responses of endpoints, by status, class of status or "default".
	Responses map[string]string
}

// SentEvents returns the types of all events that are sent, in the order in which they are documented.
func SentEvents() []SentEvent {
	pauseText := fmt.Sprintf("Nothing is sent for the seconds in Retry-After, %.0f at most. Then the event is sent again.", maxRetryAfter.Seconds())
	responses := map[string]string{
		"2XX":                                    fmt.Sprintf("The event is accepted. Respond within %.0f seconds, and process it afterwards.", attemptTimeout.Seconds()),
		strconv.Itoa(statusGone):                 "The endpoint is no longer in use. The webhook is disabled, and nothing more is sent to it.",
		strconv.Itoa(http.StatusTooManyRequests): pauseText,
		strconv.Itoa(http.StatusServiceUnavailable): pauseText,
		"default": fmt.Sprintf("A failure. The event is sent again, for %.0f hours. So it is after a redirect, and if there is no response in time.", deliveryTTL.Hours()),
	}
	var events []SentEvent
	add := func(name EventType, summary, sent string, data any) {
		events = append(events, SentEvent{
			Name: string(name), Summary: summary, Sent: sent, Payload: reflect.TypeFor[Payload[any]](), Data: reflect.TypeOf(data), Responses: responses,
		})
	}
	for _, t := range publicTypes {
		add(t.name, t.summary, "Sent to each webhook with the event type `"+string(t.name)+"` or `*`.", t.data(source{}))
	}
	add(typeTest, "A webhook is tested", "Sent to one webhook by `POST /v1/webhooks/{id}/test`.", TestData{})
	return events
}
