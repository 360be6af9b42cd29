package payment

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Kind is what goes wrong.
type Kind string

// Faults of requests. A client cannot distinguish those before from those after the effect.
const (
	Slow          Kind = "slow"           // the response is late
	TimeoutBefore Kind = "timeout_before" // no effect, and the connection ends without a response
	TimeoutAfter  Kind = "timeout_after"  // the effect, and the connection ends without a response
	ErrorBefore   Kind = "error_before"   // no effect, and a 500
	ErrorAfter    Kind = "error_after"    // the effect, and a 500
	// CallbackFirst sends the callbacks that are due before the response.
	CallbackFirst Kind = "callback_first"
)

// Faults of callbacks: Fault.Operation is OperationCallback.
const (
	Duplicate Kind = "duplicate" // it is sent twice
	Reorder   Kind = "reorder"   // it is sent after the next one, or after the delay
	Lose      Kind = "lose"      // it is never sent
	Delay     Kind = "delay"     // it is sent after the delay
)

// OperationCallback is the operation of faults of callbacks.
const OperationCallback = "callback"

const (
	defaultDelay = 30 * time.Second
	maxDelay     = 10 * time.Minute
	maxFaults    = 1000
)

// Fault is an injected failure of the next Count operations.
type Fault struct {
	// Operation is create, get, list, capture, void, refund, events, books, pay, any or callback.
	Operation string `json:"operation"`
	Kind      Kind   `json:"kind"`
	// Count is how many operations it applies to. 0: 1.
	Count int `json:"count,omitempty"`
	// Skip is how many operations pass before.
	Skip int `json:"skip,omitempty"`
	// DelayMillis is the time until a slow response, the end of a connection or a callback.
	// 0: 30 s, but timeouts end the connection at once.
	DelayMillis int64 `json:"delayMillis,omitempty"`
}

func (f Fault) delay() time.Duration { return time.Duration(f.DelayMillis) * time.Millisecond }

// validate returns an error for a fault that has no meaning.
func (f Fault) validate() error {
	request := []Kind{Slow, TimeoutBefore, TimeoutAfter, ErrorBefore, ErrorAfter, CallbackFirst}
	callback := []Kind{Duplicate, Reorder, Lose, Delay}
	operations := []string{
		OperationCreate, OperationGet, OperationList, OperationCapture, OperationVoid, OperationRefund,
		OperationEvents, OperationBooks, OperationPay, OperationAny,
	}
	isCallback := f.Operation == OperationCallback
	switch {
	case !isCallback && !slices.Contains(operations, f.Operation):
		return fmt.Errorf("operation must be %s or one of %q", OperationCallback, operations)
	case isCallback && !slices.Contains(callback, f.Kind):
		return fmt.Errorf("kind of a callback must be one of %q", callback)
	case !isCallback && !slices.Contains(request, f.Kind):
		return fmt.Errorf("kind of a request must be one of %q", request)
	case f.Count < 0 || f.Skip < 0:
		return fmt.Errorf("count and skip must be 0 or more")
	case f.DelayMillis < 0 || f.DelayMillis > maxDelay.Milliseconds():
		return fmt.Errorf("delayMillis must be from 0 to %d", maxDelay.Milliseconds())
	}
	return nil
}

// faults are the injected faults that remain.
type faults struct {
	mu   sync.Mutex
	list []Fault
}

// Inject adds a fault. Faults of one operation apply one after the other.
func (p *Provider) Inject(f Fault) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("inject a fault: %w", err)
	}
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	if len(p.faults.list) >= maxFaults {
		return fmt.Errorf("inject a fault: there are %d", maxFaults)
	}
	f.Count = max(f.Count, 1)
	p.faults.list = append(p.faults.list, f)
	return nil
}

// Faults returns the faults that remain.
func (p *Provider) Faults() []Fault {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	return append([]Fault{}, p.faults.list...)
}

// ClearFaults removes all faults.
func (p *Provider) ClearFaults() {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.list = nil
}

// take returns the fault of the next operation of a name, and counts it.
func (f *faults) take(operation string) (fault Fault, found bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(g Fault) bool {
		return g.Operation == operation || g.Operation == OperationAny && operation != OperationPay && operation != OperationCallback
	})
	if i < 0 {
		return fault, false
	}
	if f.list[i].Skip > 0 {
		f.list[i].Skip--
		return fault, false
	}
	fault = f.list[i]
	if f.list[i].Count--; f.list[i].Count == 0 {
		f.list = slices.Delete(f.list, i, i+1)
	}
	return fault, true
}
