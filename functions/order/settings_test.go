package order_test

import (
	"strings"
	"testing"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/function"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	build := func(environment config.Environment) error {
		_, err := order.Functions(function.NewRuntime(function.Options{Environment: environment}))
		return err
	}

	t.Run("the defaults and the bounds are valid", func(t *testing.T) {
		t.Parallel()
		for _, environment := range []config.Environment{nil, {"ORDER_PENDING_FOR": "1m", "ORDER_UNPAID_FOR": "1m", "PAYMENTS": "on", "ORDER_MAX_OPEN": "1", "ORDER_MAX_PIECES": "1"}} {
			if err := build(environment); err != nil {
				t.Errorf("%v: %v", environment, err)
			}
		}
	})

	for name, value := range map[string]string{
		"ORDER_PENDING_FOR": "59s 0s -1s 15 soon", "ORDER_UNPAID_FOR": "59s -15m 15 soon", "PAYMENTS": "On true 1 yes", "ORDER_MAX_OPEN": "0 -1 many", "ORDER_MAX_PIECES": "0 -1 1.5",
		"GUEST_RETENTION": "0s 2399h 3y", "CHECKOUT_MAX_OF_NETWORK": "0 -1 many", "DISCOUNT_MAX_REFUSED_OF_NETWORK": "0 -1 many",
	} {
		t.Run("an invalid "+name+" is named in the error", func(t *testing.T) {
			t.Parallel()
			for invalid := range strings.FieldsSeq(value) {
				if err := build(config.Environment{name: invalid}); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s=%s: %v", name, invalid, err)
				}
			}
		})
	}

	t.Run("all errors are reported together", func(t *testing.T) {
		t.Parallel()
		err := build(config.Environment{"ORDER_PENDING_FOR": "1s", "ORDER_MAX_OPEN": "0", "ORDER_MAX_PIECES": "0"})
		if err == nil || strings.Count(err.Error(), "ORDER_") != 3 {
			t.Errorf("got %v", err)
		}
	})

	t.Run("ORDER_PENDING_FOR must be longer than the redelivery of an event", func(t *testing.T) {
		t.Parallel()
		delivery := functions.Manifest().Delivery
		retried := delivery.AckDeadline + delivery.MinBackoff
		if err := build(config.Environment{"ORDER_PENDING_FOR": retried.String()}); err == nil {
			t.Errorf("%s is accepted, in which no event is redelivered", retried)
		}
	})
}
