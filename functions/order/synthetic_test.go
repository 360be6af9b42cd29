package order

import (
	"testing"

	"github.com/google/uuid"

	"souk/shared/config"
)

// TestIsSynthetic marks the orders of the test customer alone, and none without one.
func TestIsSynthetic(t *testing.T) {
	t.Parallel()
	customer := uuid.New()
	with, err := config.Load[settings](config.Environment{"SYNTHETIC_CUSTOMER": customer.String()})
	if err != nil {
		t.Fatal(err)
	}
	without, err := config.Load[settings](config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if !with.isSynthetic(customer) || with.isSynthetic(uuid.New()) || with.isSynthetic(uuid.Nil) {
		t.Error("not exactly the orders of the test customer are synthetic")
	}
	if without.isSynthetic(customer) || without.isSynthetic(uuid.Nil) {
		t.Error("orders are synthetic without a test customer")
	}
	if _, err := config.Load[settings](config.Environment{"SYNTHETIC_CUSTOMER": "7"}); err == nil {
		t.Error("an id that is no UUID is accepted")
	}
}
