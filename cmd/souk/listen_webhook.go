package main

import (
	"context"
	"errors"
	"net/http"
	"os"

	"souk/cmd/souk/internal/receiver"
	"souk/emulators/local"
)

// webhooksPath is the path of the operations for webhooks.
const webhooksPath = "/v1/webhooks"

// shopWebhook is a webhook as the shop shows it.
type shopWebhook struct {
	ID          string `json:"id"`
	URL         string `json:"url"`
	Description string `json:"description"`
	// Secret is in the response to the creation only.
	Secret string `json:"secret"`
}

// listenDescription returns the description of the webhooks of souk listen on this machine, by which they are
// found.
func listenDescription() string {
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	return "souk listen on " + host
}

// deleteStaleWebhooks deletes the webhooks of commands on this machine that were killed. Those of commands that
// run remain.
func (p *program) deleteStaleWebhooks(ctx context.Context, shop *shopClient) error {
	// A shop has 20 webhooks at most: one page.
	var page struct{ Items []shopWebhook }
	if err := shop.call(ctx, http.MethodGet, webhooksPath+"?pageSize=100", nil, &page); err != nil {
		return err
	}
	for _, hook := range page.Items {
		if hook.Description != listenDescription() || receiver.IsRunning(ctx, hook.URL) {
			continue
		}
		if err := shop.deleteWebhook(ctx, hook.ID); err != nil {
			return err
		}
		p.say("deleted webhook %s, which an earlier souk listen has left", hook.ID)
	}
	return nil
}

func (c *shopClient) createWebhook(ctx context.Context, url string, events []string) (hook shopWebhook, err error) {
	err = c.call(ctx, http.MethodPost, webhooksPath, map[string]any{"url": url, "eventTypes": events, "description": listenDescription()}, &hook)
	if refused, ok := errors.AsType[*shopError](err); ok && refused.has("body.url") {
		return hook, &local.Advice{Err: err, Do: "This shop does not send to this machine. Open a tunnel to a port of it, and set --port and --public-url."}
	}
	return hook, err
}

func (c *shopClient) testWebhook(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, webhooksPath+"/"+id+"/test", nil, nil)
}

// deleteWebhook deletes a webhook, unless that was done before.
func (c *shopClient) deleteWebhook(ctx context.Context, id string) error {
	err := c.call(ctx, http.MethodDelete, webhooksPath+"/"+id, nil, nil)
	if refused, ok := errors.AsType[*shopError](err); ok && refused.status == http.StatusNotFound {
		return nil
	}
	return err
}
