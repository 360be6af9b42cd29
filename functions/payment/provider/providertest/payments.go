package providertest

import (
	"strings"
	"sync"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

func testCreate(f *fixture) {
	before := f.Now()
	payment := f.mustCreate(provider.Manual)
	if payment.ID == "" || payment.Reference != reference || payment.Amount != eur(10_000) || payment.Capture != provider.Manual {
		f.Errorf("got %+v", payment)
	}
	if payment.Next.URL == "" && payment.Next.ClientSecret.Reveal() == "" {
		f.Error("the customer cannot pay: there is neither a URL nor a client secret")
	}
	if payment.CreatedAt.Sub(before).Abs().Seconds() > 1 {
		f.Errorf("created at %s, want %s", payment.CreatedAt, before)
	}
	f.requireState(payment, nil, provider.Requested, 0, 0)
	for _, amount := range []money.Money{{Amount: 500, Currency: "JPY"}, {Amount: 1_230, Currency: "KWD"}, {Amount: 500, Currency: "ISK"}} {
		in := f.creation(provider.Automatic)
		in.Amount = amount
		payment, err := f.Provider.Create(f.Context(), in)
		if err != nil || payment.Amount != amount || payment.Capture != provider.Automatic {
			f.Errorf("%s: got %+v, %v", amount, payment, err)
		}
	}
}

func testDecline(f *fixture) {
	id := f.mustCreate(provider.Manual).ID
	f.pay(id, Decline)
	payment := f.get(id)
	f.requireState(payment, nil, provider.Requested, 0, 0)
	if payment.Failure == "" {
		f.Error("the code of the declined card is missing")
	}
	f.pay(id, Approve)
	payment = f.get(id)
	f.requireState(payment, nil, provider.Authorized, 0, 0)
	if payment.Failure != "" {
		f.Errorf("the code of the declined card is still %s", payment.Failure)
	}
}

func testChallenge(f *fixture) {
	id := f.mustCreate(provider.Manual).ID
	f.pay(id, Challenge)
	payment := f.get(id)
	f.requireState(payment, nil, provider.RequiresAction, 0, 0)
	if payment.Next.URL == "" {
		f.Error("the URL of the challenge is missing")
	}
}

func testAutomatic(f *fixture) {
	payment := f.get(f.mustPay(provider.Automatic))
	f.requireState(payment, nil, provider.Captured, 10_000, 0)
	if payment.Next.URL != "" || payment.Next.ClientSecret.Reveal() != "" {
		f.Errorf("a captured payment has a next action")
	}
}

func testCapture(f *fixture) {
	id := f.mustPay(provider.Manual)
	f.requireState(f.get(id), nil, provider.Authorized, 0, 0)
	payment, err := f.Provider.Capture(f.Context(), id, eur(10_000), f.key())
	f.requireState(payment, err, provider.Captured, 10_000, 0)
	ids := map[string]bool{}
	for _, refund := range []struct {
		amount, sum int64
		state       provider.State
	}{{1_000, 1_000, provider.PartiallyRefunded}, {1, 1_001, provider.PartiallyRefunded}, {8_999, 10_000, provider.Refunded}} {
		got, err := f.Provider.Refund(f.Context(), id, eur(refund.amount), f.key())
		f.requireState(got.Payment, err, refund.state, 10_000, refund.sum)
		ids[got.ID] = true
	}
	if len(ids) != 3 || ids[""] {
		f.Errorf("the ids of three refunds are %v", ids)
	}
}

func testCapturePart(f *fixture) {
	id := f.mustPay(provider.Manual)
	payment, err := f.Provider.Capture(f.Context(), id, eur(4_000), f.key())
	f.requireState(payment, err, provider.Captured, 4_000, 0)
	_, err = f.Provider.Refund(f.Context(), id, eur(4_001), f.key())
	f.requireClass(err, provider.ClassConflict, provider.ClassInvalid)
	refund, err := f.Provider.Refund(f.Context(), id, eur(4_000), f.key())
	f.requireState(refund.Payment, err, provider.Refunded, 4_000, 4_000)
}

func testVoid(f *fixture) {
	for _, id := range []string{f.mustCreate(provider.Manual).ID, f.mustPay(provider.Manual)} {
		payment, err := f.Provider.Void(f.Context(), id, f.key())
		f.requireState(payment, err, provider.Voided, 0, 0)
		if !payment.State.Final() {
			f.Error("a voided payment is not final")
		}
	}
}

func testConflicts(f *fixture) {
	id := f.mustPay(provider.Manual)
	_, err := f.Provider.Refund(f.Context(), id, eur(1), f.key())
	f.requireClass(err, provider.ClassConflict, provider.ClassInvalid)
	_, err = f.Provider.Capture(f.Context(), id, eur(10_001), f.key())
	f.requireClass(err, provider.ClassConflict, provider.ClassInvalid)
	f.requireState(f.get(id), nil, provider.Authorized, 0, 0)

	id = f.mustCapture()
	_, err = f.Provider.Capture(f.Context(), id, eur(10_000), f.key())
	f.requireClass(err, provider.ClassConflict)
	_, err = f.Provider.Void(f.Context(), id, f.key())
	f.requireClass(err, provider.ClassConflict)
	f.requireState(f.get(id), nil, provider.Captured, 10_000, 0)

	id = f.mustCreate(provider.Manual).ID
	_, err = f.Provider.Capture(f.Context(), id, eur(10_000), f.key())
	f.requireClass(err, provider.ClassConflict)
}

func testInvalid(f *fixture) {
	valid := f.creation(provider.Manual)
	for name, change := range map[string]func(*provider.Creation){
		"no amount":           func(in *provider.Creation) { in.Amount.Amount = 0 },
		"a negative amount":   func(in *provider.Creation) { in.Amount.Amount = -1 },
		"a giant amount":      func(in *provider.Creation) { in.Amount.Amount = money.Max },
		"no currency":         func(in *provider.Creation) { in.Amount.Currency = "XXX" },
		"no reference":        func(in *provider.Creation) { in.Reference = "" },
		"a long reference":    func(in *provider.Creation) { in.Reference = strings.Repeat("r", 101) },
		"a relative URL":      func(in *provider.Creation) { in.ReturnURL = "/orders/1" },
		"a script":            func(in *provider.Creation) { in.ReturnURL = "javascript:alert(1)" },
		"an unknown mode":     func(in *provider.Creation) { in.Capture = "later" },
		"no key":              func(in *provider.Creation) { in.Key = "" },
		"a key with a space":  func(in *provider.Creation) { in.Key = "a b" },
		"a key with a header": func(in *provider.Creation) { in.Key = "a\r\nX-Evil: 1" },
	} {
		in := valid
		change(&in)
		if _, err := f.Provider.Create(f.Context(), in); provider.ClassOf(err) != provider.ClassInvalid {
			f.Errorf("%s: got %v", name, err)
		}
	}
	for _, id := range []string{"", "..", "a/b", "a?b", "a b", "missing"} {
		_, err := f.Provider.Get(f.Context(), id)
		f.requireClass(err, provider.ClassInvalid)
		_, err = f.Provider.Capture(f.Context(), id, eur(1), f.key())
		f.requireClass(err, provider.ClassInvalid)
		_, err = f.Provider.Void(f.Context(), id, f.key())
		f.requireClass(err, provider.ClassInvalid)
		_, err = f.Provider.Refund(f.Context(), id, eur(1), f.key())
		f.requireClass(err, provider.ClassInvalid)
	}
	_, err := f.Provider.List(f.Context(), provider.Query{PageSize: provider.MaxPageSize + 1})
	f.requireClass(err, provider.ClassInvalid)
}

func testList(f *fixture) {
	since := f.Now()
	want := map[string]bool{}
	for range 5 {
		want[f.mustCreate(provider.Manual).ID] = true
	}
	refunded := f.mustCapture()
	if _, err := f.Provider.Refund(f.Context(), refunded, eur(1), f.key()); err != nil {
		f.Fatal(err)
	}
	want[refunded] = true
	query := provider.Query{Since: since, PageSize: 2}
	for pages := range 3 {
		page, err := f.Provider.List(f.Context(), query)
		if err != nil {
			f.Fatal(err)
		}
		for _, payment := range page.Items {
			if !want[payment.ID] {
				f.Errorf("%s is unknown, or listed twice", payment.ID)
			}
			delete(want, payment.ID)
			f.requireEqual(payment, f.get(payment.ID))
		}
		if last := pages == 2; (page.NextPageToken == "") != last {
			f.Errorf("page %d has the next token %q", pages+1, page.NextPageToken)
		}
		query.PageToken = page.NextPageToken
	}
	if len(want) > 0 {
		f.Errorf("%v are not listed", want)
	}
}

func testKeys(f *fixture) {
	creation := f.creation(provider.Manual)
	first, err := f.Provider.Create(f.Context(), creation)
	f.requireState(first, err, provider.Requested, 0, 0)
	f.pay(first.ID, Approve)
	again, err := f.Provider.Create(f.Context(), creation)
	if err != nil {
		f.Fatal(err)
	}
	f.requireEqual(again, first)
	creation.Amount = eur(9_999)
	_, err = f.Provider.Create(f.Context(), creation)
	f.requireClass(err, provider.ClassConflict)

	captureKey, refundKey := f.key(), f.key()
	captured, err := f.Provider.Capture(f.Context(), first.ID, eur(5_000), captureKey)
	f.requireState(captured, err, provider.Captured, 5_000, 0)
	refund, err := f.Provider.Refund(f.Context(), first.ID, eur(1_000), refundKey)
	f.requireState(refund.Payment, err, provider.PartiallyRefunded, 5_000, 1_000)
	repeated, err := f.Provider.Refund(f.Context(), first.ID, eur(1_000), refundKey)
	if err != nil || repeated.ID != refund.ID {
		f.Errorf("the repeated refund is %s, %v, want %s", repeated.ID, err, refund.ID)
	}
	_, err = f.Provider.Refund(f.Context(), first.ID, eur(1_001), refundKey)
	f.requireClass(err, provider.ClassConflict)
	_, err = f.Provider.Void(f.Context(), first.ID, captureKey)
	f.requireClass(err, provider.ClassConflict)
	again, err = f.Provider.Capture(f.Context(), first.ID, eur(5_000), captureKey)
	if err != nil {
		f.Fatal(err)
	}
	f.requireEqual(again, captured)
	f.requireState(f.get(first.ID), nil, provider.PartiallyRefunded, 5_000, 1_000)
}

// testConcurrentKey sends one request several times at once. It may be refused while another is in
// progress, but has one effect.
func testConcurrentKey(f *fixture) {
	id := f.mustCapture()
	key := f.key()
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			if _, err := f.Provider.Refund(f.Context(), id, eur(1_000), key); err != nil {
				f.requireClass(err, provider.ClassTemporary)
			}
		})
	}
	running.Wait()
	f.requireState(f.get(id), nil, provider.PartiallyRefunded, 10_000, 1_000)
}
