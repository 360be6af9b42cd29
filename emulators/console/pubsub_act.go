package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"souk/emulators/console/messages"
)

// publishMessage publishes the message in the form.
func (c *Console) publishMessage(r *http.Request) (string, error) {
	if c.options.Messages == nil {
		return "", errNotAvailable
	}
	draft := messages.Draft{
		Topic: r.PostForm.Get("topic"), Data: r.PostForm.Get("data"), OrderingKey: r.PostForm.Get("key"), Envelope: r.PostForm.Get("envelope") != "",
	}
	if draft.Topic == "" {
		return "", fmt.Errorf("%w: select a topic", errInvalid)
	}
	if draft.Envelope && !json.Valid([]byte(draft.Data)) {
		return "", fmt.Errorf("%w: the data of an event must be JSON", errInvalid)
	}
	var err error
	if draft.Attributes, err = parseAttributes(r.PostForm.Get("attributes")); err != nil {
		return "", err
	}
	id, err := c.options.Messages.Publish(r.Context(), draft)
	if err != nil {
		return "", invalidIfMissing(err)
	}
	return "Published message " + id + " to " + draft.Topic + ".", nil
}

// parseAttributes reads attributes of a message, a line of name=value each.
func parseAttributes(text string) (map[string]string, error) {
	attributes := map[string]string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("%w: attributes are lines of name=value, not %q", errInvalid, line)
		}
		attributes[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return attributes, nil
}

// replayMessages publishes the dead letters in the form again.
func (c *Console) replayMessages(r *http.Request) (string, error) {
	return c.actOnMessages(r, "Replayed", (*messages.Source).Replay)
}

// discardMessages deletes the dead letters in the form.
func (c *Console) discardMessages(r *http.Request) (string, error) {
	return c.actOnMessages(r, "Discarded", (*messages.Source).Discard)
}

// invalidIfMissing makes an error about something that does not exist the user's.
func invalidIfMissing(err error) error {
	if errors.Is(err, messages.ErrNotFound) {
		return fmt.Errorf("%w: %w", errInvalid, err)
	}
	return err
}

// actOnMessages replays or discards dead letters: those of the form's fields "id", or all
// if its field "all" is set.
func (c *Console) actOnMessages(r *http.Request, done string, do func(*messages.Source, context.Context, string, []string, string) (int, error)) (string, error) {
	if c.options.Messages == nil {
		return "", errNotAvailable
	}
	subscription, ids := r.PostForm.Get("subscription"), r.PostForm["id"]
	switch all := r.PostForm.Get("all") != ""; {
	case !strings.HasSuffix(subscription, ".dead-letter"):
		return "", fmt.Errorf("%w: %q stores no dead letters", errInvalid, subscription)
	case all == (len(ids) > 0):
		return "", fmt.Errorf("%w: select messages, or all", errInvalid)
	}
	n, err := do(c.options.Messages, r.Context(), subscription, ids, cmp.Or(r.PostForm.Get("reason"), "by a user of the console"))
	if err != nil {
		return "", invalidIfMissing(err)
	}
	if n == 1 {
		return done + " one message.", nil
	}
	return fmt.Sprintf("%s %d messages.", done, n), nil
}
