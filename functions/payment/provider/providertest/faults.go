package providertest

import (
	"souk/functions/payment/provider"
)

// write is a write under test.
type write struct {
	operation string
	// prepare returns the payment, if there must be one.
	prepare func(*fixture) (id string)
	do      func(f *fixture, id, key string) error
	// effects returns how often the write had its effect.
	effects func(f *fixture, id string) int
}

// isState returns the effects of a write that changes the state once.
func isState(state provider.State) func(*fixture, string) int {
	return func(f *fixture, id string) int {
		if f.get(id).State == state {
			return 1
		}
		return 0
	}
}

// writes returns all writes.
func writes() []write {
	return []write{
		{
			operation: provider.OperationCreate,
			prepare:   func(*fixture) string { return "" },
			do: func(f *fixture, _, key string) error {
				in := f.creation(provider.Manual)
				in.Key = key
				_, err := f.Provider.Create(f.Context(), in)
				return err
			},
			effects: func(f *fixture, _ string) int { return len(f.listed()) },
		},
		{
			operation: provider.OperationCapture,
			prepare:   func(f *fixture) string { return f.mustPay(provider.Manual) },
			do: func(f *fixture, id, key string) error {
				_, err := f.Provider.Capture(f.Context(), id, eur(10_000), key)
				return err
			},
			effects: isState(provider.Captured),
		},
		{
			operation: provider.OperationVoid,
			prepare:   func(f *fixture) string { return f.mustPay(provider.Manual) },
			do: func(f *fixture, id, key string) error {
				_, err := f.Provider.Void(f.Context(), id, key)
				return err
			},
			effects: isState(provider.Voided),
		},
		{
			operation: provider.OperationRefund,
			prepare:   func(f *fixture) string { return f.mustCapture() },
			do: func(f *fixture, id, key string) error {
				_, err := f.Provider.Refund(f.Context(), id, eur(100), key)
				return err
			},
			effects: func(f *fixture, id string) int { return int(f.get(id).Refunded / 100) },
		},
	}
}

// listed returns all payments.
func (f *fixture) listed() (payments []provider.Payment) {
	f.Helper()
	var query provider.Query
	for {
		page, err := f.Provider.List(f.Context(), query)
		if err != nil {
			f.Fatal(err)
		}
		payments = append(payments, page.Items...)
		if query.PageToken = page.NextPageToken; query.PageToken == "" {
			return payments
		}
	}
}

// testFaults lets each write fail in each way.
func testFaults(f *fixture) {
	for _, w := range writes() {
		for _, fault := range []Fault{TimeoutBefore, TimeoutAfter, ErrorBefore, ErrorAfter} {
			f.testFault(w, fault)
		}
	}
}

// testFault lets a write fail. A caller that follows the comment of package provider reaches
// exactly one effect.
func (f *fixture) testFault(w write, fault Fault) {
	f.Helper()
	id := w.prepare(f)
	before := w.effects(f, id)
	if err := f.Inject(w.operation, fault); err != nil {
		f.Fatal(err)
	}
	key := f.key()
	err := w.do(f, id, key)
	f.requireClass(err, provider.ClassUnknown)
	f.requireNoSecret(err)
	if err = w.do(f, id, key); err != nil { // The provider repeats a stored error.
		f.requireClass(err, provider.ClassUnknown)
		if w.effects(f, id) == before {
			err = w.do(f, id, f.key())
		}
	}
	if effects := w.effects(f, id) - before; effects != 1 {
		f.Errorf("%s, %s: %d effects, want 1; the last error: %v", w.operation, fault, effects, err)
	}
}

// testReadFaults requires that reads which fail can be repeated.
func testReadFaults(f *fixture) {
	id := f.mustCreate(provider.Manual).ID
	for _, fault := range []Fault{TimeoutBefore, ErrorAfter} {
		if err := f.Inject(provider.OperationGet, fault); err != nil {
			f.Fatal(err)
		}
		_, err := f.Provider.Get(f.Context(), id)
		f.requireClass(err, provider.ClassTemporary)
		f.get(id)
		if err := f.Inject(provider.OperationList, fault); err != nil {
			f.Fatal(err)
		}
		_, err = f.Provider.List(f.Context(), provider.Query{})
		f.requireClass(err, provider.ClassTemporary)
		f.listed()
	}
}
