package manifest

import (
	"fmt"
	"time"
)

// Delivery configures the delivery of Pub/Sub to all subscriptions.
type Delivery struct {
	AckDeadline         time.Duration `yaml:"ackDeadline"`
	MinBackoff          time.Duration `yaml:"minBackoff"`
	MaxBackoff          time.Duration `yaml:"maxBackoff"`
	MaxDeliveryAttempts int           `yaml:"maxDeliveryAttempts"`
}

// check returns the values outside of Pub/Sub's limits:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
func (d Delivery) check() []error {
	var errs []error
	need := func(ok bool, rule string, got any) {
		if !ok {
			errs = append(errs, fmt.Errorf("delivery: need %s, got %v", rule, got))
		}
	}
	need(10*time.Second <= d.AckDeadline && d.AckDeadline <= 600*time.Second, "an ackDeadline of 10s to 600s", d.AckDeadline)
	need(0 < d.MinBackoff && d.MinBackoff <= d.MaxBackoff, "0 < minBackoff <= maxBackoff", d.MinBackoff)
	need(d.MaxBackoff <= 600*time.Second, "a maxBackoff of at most 600s", d.MaxBackoff)
	need(5 <= d.MaxDeliveryAttempts && d.MaxDeliveryAttempts <= 100, "maxDeliveryAttempts of 5 to 100", d.MaxDeliveryAttempts)
	return errs
}
