package order_test

import (
	"strings"
	"testing"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	build := func(environment config.Environment) error {
		runtime := function.NewRuntime(nil, nil, clock.System, environment, auth.Config{}, auth.PushConfig{})
		_, err := order.Functions(runtime)
		return err
	}

	t.Run("are fine as they are by default, and at their bounds", func(t *testing.T) {
		t.Parallel()
		for _, environment := range []config.Environment{nil, {"ORDER_PENDING_FOR": "1m", "ORDER_MAX_OPEN": "1", "ORDER_MAX_PIECES": "1"}} {
			if err := build(environment); err != nil {
				t.Errorf("%v: %v", environment, err)
			}
		}
	})

	for name, value := range map[string]string{
		"ORDER_PENDING_FOR": "59s 0s -1s 15 soon", "ORDER_MAX_OPEN": "0 -1 many", "ORDER_MAX_PIECES": "0 -1 1.5",
	} {
		t.Run(name+" is refused by its name", func(t *testing.T) {
			t.Parallel()
			for nonsense := range strings.FieldsSeq(value) {
				if err := build(config.Environment{name: nonsense}); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s=%s: %v", name, nonsense, err)
				}
			}
		})
	}

	t.Run("every fault is named at once", func(t *testing.T) {
		t.Parallel()
		err := build(config.Environment{"ORDER_PENDING_FOR": "1s", "ORDER_MAX_OPEN": "0", "ORDER_MAX_PIECES": "0"})
		if err == nil || strings.Count(err.Error(), "ORDER_") != 3 {
			t.Errorf("got %v", err)
		}
	})

	t.Run("an order is pending for longer than an event takes to be delivered again", func(t *testing.T) {
		t.Parallel()
		delivery := functions.Manifest().Delivery
		retried := delivery.AckDeadline + delivery.MinBackoff
		if err := build(config.Environment{"ORDER_PENDING_FOR": retried.String()}); err == nil {
			t.Errorf("%s is taken, in which nothing is delivered twice", retried)
		}
	})
}
