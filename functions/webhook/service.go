// Package webhook provides the functions of the webhook service, which sends the events of the shop
// to the endpoints of others.
package webhook

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souk/functions/webhook/migrations"
	"souk/functions/webhook/target"
	"souk/shared/apikey"
	"souk/shared/batch"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
)

// Migrations create the service's tables.
var Migrations = migrations.All

// Topics lists the topics that the service publishes to.
var Topics = []event.AnyTopic{topicDue, topicDisabled, apikey.UsedTopic}

// Functions returns the functions of the service, by their names in functions.yaml.
var Functions = New(target.ClientOptions{})

// New returns a function that builds the functions of the service, whose requests to endpoints have
// options for tests.
func New(options target.ClientOptions) function.FunctionsFunc {
	return func(runtime *function.Runtime) ([]function.Function, error) {
		s, err := newService(runtime, options)
		if err != nil {
			return nil, err
		}
		return s.functions(), nil
	}
}

type service struct {
	*function.Runtime

	settings settings
	sealer   *sealer      // for the functions in keyUsers
	client   *http.Client // for webhook-deliver

	// subscriptions and fanouts are for webhook-fanout.
	subscriptions database.SharedReader[struct{}, map[EventType]bool]
	fanouts       *batch.Batcher[newDelivery]
}

// keyUsers are the functions that read or write the keys of endpoints.
var keyUsers = []string{"webhook-create", "webhook-rotate", "webhook-deliver"}

func newService(runtime *function.Runtime, options target.ClientOptions) (*service, error) {
	own, err := config.Load[settings](runtime.Environment)
	if err != nil {
		return nil, err
	}
	if err := own.validate(); err != nil {
		return nil, err
	}
	s := &service{Runtime: runtime, settings: own, client: own.targets().NewClient(options)}
	s.fanouts = batch.New(runtime.DB, runtime.Batch, s.storeDeliveries)
	if slices.ContainsFunc(keyUsers, runtime.Serves) {
		sealing, err := config.Load[sealingSettings](runtime.Environment)
		if err != nil {
			return nil, err
		}
		if s.sealer, err = newSealer(sealing); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *service) functions() []function.Function {
	return []function.Function{
		function.Command("webhook-create", s.create, function.Created, function.AfterCommit(s.revealCreated), function.DocumentErrors(http.StatusConflict, "too_many_webhooks")),
		function.HTTP("webhook-get", s.get, function.DocumentNotFound("webhook")),
		function.HTTP("webhook-list", s.list),
		function.HTTP("webhook-update", s.update, function.DocumentNotFound("webhook")),
		function.HTTP("webhook-delete", s.delete, function.DocumentNotFound("webhook")),
		function.Command("webhook-rotate", s.rotate, function.AfterCommit(s.revealRotated), function.DocumentNotFound("webhook")),
		function.Command("webhook-test", s.test, accepted, function.DocumentNotFound("webhook"), function.DocumentErrors(http.StatusConflict, "webhook_disabled")),
		function.HTTP("webhook-delivery-list", s.deliveryList, function.DocumentNotFound("webhook")),
		function.HTTP("webhook-attempt-list", s.attemptList, function.DocumentNotFound("webhook"), function.DocumentNotFound("delivery")),
		function.Command("webhook-resend", s.resend, accepted, function.DocumentNotFound("webhook"), function.DocumentNotFound("delivery"),
			function.DocumentErrors(http.StatusConflict, "webhook_disabled")),
		function.HTTP("webhook-trail", s.trail),
		function.EventWithoutTx("webhook-fanout", s.fanout),
		function.EventWithoutTx("webhook-deliver", s.deliver),
		function.Event("webhook-revocations", s.revocations),
		function.Schedule("webhook-outbox", s.Sweep(s.triggerDue, s.expire, s.prune)),
	}
}

// accepted sets 202 as the success status: the request is sent later.
func accepted(operation *huma.Operation) { operation.DefaultStatus = http.StatusAccepted }
