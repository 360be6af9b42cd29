package functions_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/emailaddress"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// withoutEntry lists the functions that change something without an entry in the trail, with the
// reasons.
var withoutEntry = map[string]string{
	"stock-reserve":     "what orders reserve is in reservation and reservation_item, and in the orders' histories",
	"stock-release":     "what orders reserve is in reservation and reservation_item, and in the orders' histories",
	"stock-ship":        "what is shipped is in reservation_item, and in the orders' histories",
	"stock-sell":        "deletes what the limits of unpaid orders are computed from",
	"catalog-sync":      "stores a copy: the change is in the trail of the product service",
	"payment-match":     "stores when the order was confirmed, which is in its history",
	"invoice-draft":     "stores a copy: the order is in the trail of the order service",
	"payment-capture":   "requests the capture of the provider; the change that it reports is that of payment-webhook",
	"payment-reconcile": "continues with payments as payment-request and payment-webhook do: by record",
	"return-refund":     "stores a refund as refund-create does: by save",
	"credit-note-issue": "issues documents as invoice-issue does: by issue",

	"checkout-create": "a cart of a customer; checkout-complete has the entry of its order",
	"checkout-update": "a cart of a customer; checkout-complete has the entry of its order",

	"user-register":          "there is no account before email-verify, which has the entry",
	"password-reset-request": "changes no account: password-reset has the entry",
	"session-create":         "of customers: their logins are in their sessions, and erased with them; those of staff have entries (TestStaffSignIn)",
	"session-confirm":        "as session-create; a recovery code that it spends is recorded with the second factor",
	"passkey-challenge":      "changes no account: passkey-create and session-confirm do",
	"totp-create":            "has no effect before totp-confirm, which has the entry",
	"email-change":           "changes no account: email-confirm has the entry",
	"key-used":               "stores when a key was used, to the hour",
	"session-refresh":        "replaces a token of a login",
	"session-delete":         "of customers: their logins are in their sessions, and erased with them",

	"order-revocations":   "stores a copy: the change that revokes tokens is in the trail of the user service",
	"payment-revocations": "stores a copy: the change that revokes tokens is in the trail of the user service",
	"product-revocations": "stores a copy: the change that revokes tokens is in the trail of the user service",
	"payment-anonymize":   "the deletion of the account is in the trail of the user service, without the account",

	"product-outbox": "publishes events, and deletes rows after their retention",
	"order-outbox":   "publishes events, and deletes rows after their retention",
	"payment-outbox": "publishes events, and deletes rows after their retention",
	"user-outbox":    "publishes events, and deletes rows after their retention",

	"webhook-test":        "sends a delivery, which has a row",
	"webhook-resend":      "sends deliveries, which have rows",
	"webhook-fanout":      "stores deliveries, which have rows",
	"webhook-deliver":     "attempts a delivery, which has a row with its attempts",
	"webhook-revocations": "stores a copy: the change that revokes tokens is in the trail of the user service",
	"webhook-outbox":      "publishes events, and deletes rows after their retention",

	"invoice-mail":          "sends a mail, which mail_delivery has",
	"registration-mail":     "sends a mail, which mail_delivery has",
	"password-reset-mail":   "sends a mail, which mail_delivery has",
	"password-changed-mail": "sends a mail, which mail_delivery has",
	"user-notify":           "sends a mail, which mail_delivery has",
	"return-mail":           "sends a mail, which mail_delivery has",
	"stock-low-mail":        "sends a mail, which mail_delivery has",
	"webhook-disabled-mail": "sends a mail, which mail_delivery has",
	"email-change-mail":     "sends a mail, which mail_delivery has",
}

// causes make functions that Pub/Sub calls change something, and others whose example changes nothing.
var causes = map[string]func(testing.TB, *functiontest.Server){
	"stock-restock": restock,
	"order-confirm": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		createOrder("stock-reserved")(t, s, newCustomer(t, s))
	},
	"order-reject":         rejectOrder,
	"order-payment-failed": failPayment,
	"order-expire": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		seedOrder(t, s)
		deliverTo(t, s, "order-expire", "order-expire", struct{}{})
	},
	"order-anonymize": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		customer := newCustomer(t, s)
		createOrder()(t, s, customer)
		deliverTo(t, s, "order-anonymize", "user-deleted", object{"userId": customer.id})
	},
	"order-adopt": adoptOrder,
	"order-withdraw": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		order := createOrderOfSample("stock-reserved")(t, s, newCustomer(t, s))
		deliverTo(t, s, "order-withdraw", "payment-refunded", fixtures.PaymentRefunded(order, sampleProduct, 1, true))
	},
	"payment-request": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		createPayment(t, s, newCustomer(t, s))
	},
	"payment-webhook": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		createPaid(t, s, newCustomer(t, s))
	},
	"payment-void": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		cancelled := fixtures.OrderCancelled(createPayment(t, s, newCustomer(t, s)))
		cancelled["payment"] = "required"
		deliverTo(t, s, "payment-void", "order-cancelled", cancelled)
	},
	"payment-adopt": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		adopted := object{"orderId": createOrderCopy(t, s, newCustomer(t, s)), "userId": uuid.New(), "payment": "required"}
		deliverTo(t, s, "payment-adopt", "order-adopted", adopted)
	},
	"invoice-issue": func(t testing.TB, s *functiontest.Server) {
		t.Helper()
		createInvoice(t, s, newCustomer(t, s))
	},
}

// recordingTransactions has the number of transactions of a request that records changes in several: each
// records its own.
var recordingTransactions = map[string]int{
	"refund-create": 2, // the refund before the provider is asked, and its result afterwards
}

// changingBodies are bodies of functions whose example is what the new resource has already.
var changingBodies = map[string]object{
	"product-update": {"name": "Darjeeling, 250 g"},
	"role-update":    {"permissions": []any{"products.read"}},
}

func newCustomer(t testing.TB, s *functiontest.Server) account {
	t.Helper()
	customer, token := s.Tokens.Customer(t)
	return account{id: customer.UserID, role: customer.Role, token: token}
}

func deliverTo(t testing.TB, s *functiontest.Server, function, topic string, payload any) {
	t.Helper()
	s.Deliver(t, function, functiontest.NewEvent(t, topic, payload)).MustBe(t, http.StatusNoContent)
}

func restock(t testing.TB, s *functiontest.Server) {
	t.Helper()
	product, order := createProduct(t, s, account{}), uuid.Must(uuid.NewV7())
	var price int
	if err := s.DB.QueryRowContext(t.Context(), `SELECT price_amount FROM product WHERE id = ?`, product[:]).Scan(&price); err != nil {
		t.Fatal(err)
	}
	item := object{"productId": product, "name": "Assam", "quantity": 1, "unitPrice": fixtures.Price(price)}
	deliverTo(t, s, "stock-reserve", "order-placed", fixtures.OrderPlaced(order, item))
	deliverTo(t, s, "stock-restock", "return-received", object{
		"orderId": order, "userId": missingID, "returnId": missingID, "refund": false, "refundShipping": false,
		"lines": []any{object{"productId": product, "name": "Assam", "quantity": 1, "restock": true}},
	})
}

func rejectOrder(t testing.TB, s *functiontest.Server) {
	t.Helper()
	order := createOrder()(t, s, newCustomer(t, s))
	deliverTo(t, s, "order-reject", "stock-rejected", fixtures.StockRejected(order, "insufficient_stock"))
}

func failPayment(t testing.TB, s *functiontest.Server) {
	t.Helper()
	order := createOrder()(t, s, newCustomer(t, s))
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE orders SET payment = 'required' WHERE id = ?`, order[:]); err != nil {
		t.Fatal(err)
	}
	deliverTo(t, s, "order-payment-failed", "payment-failed", fixtures.PaymentFailed(order, "declined"))
}

// adoptOrder places an order without an account, and gives it to one.
func adoptOrder(t testing.TB, s *functiontest.Server) {
	t.Helper()
	body := checkoutBody(t, s, account{})
	delete(body, "discountCodes?")
	email := uuid.NewString() + "@example.com"
	body["email?"] = email
	var checkout struct {
		ID    uuid.UUID
		Token string
		Total object
	}
	response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts", Body: expand(body, true)})
	requireSuccess(t, response)
	mustDecode(t, response.Body, &checkout)
	mustPost(t, s, "/v1/checkouts/"+checkout.ID.String()+"/complete", checkout.Token, object{"version": 1, "total": checkout.Total})
	deliverTo(t, s, "order-adopt", "email-confirmed", object{"userId": uuid.New(), "emailId": emailaddress.ID(email)})
}

// TestTrail requires that each function that can change something records it in the trail, or is
// listed with a reason. A request's entry has its caller and its id, and all of a request's entries
// are one statement.
func TestTrail(t *testing.T) {
	t.Parallel()
	requireKnown(t, withoutEntry)
	requireKnown(t, causes)
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service, functiontest.WithProxy)
			if service == "order" {
				s = mustStartSweeper(t, service, functiontest.WithProxy) // its orders expire
			}
			for _, f := range functions.Manifest().FunctionsOf(service) {
				if f.HTTP != "" && f.Method() == http.MethodGet || withoutEntry[f.Name] != "" {
					continue
				}
				t.Run(f.Name, func(t *testing.T) { testEntry(t, s, f) })
			}
			requireTrailResources(t, s, service)
		})
	}
}

// requireTrailResources requires that functions.TrailResources lists the kinds of resources that the
// functions of a service have changed.
func requireTrailResources(t *testing.T, s *functiontest.Server, service string) {
	t.Helper()
	changed, err := database.Collect(t.Context(), s.DB, database.ScanColumn[string], `SELECT DISTINCT resource FROM trail ORDER BY resource`)
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, kind := range slices.Sorted(maps.Keys(functions.TrailResources)) {
		if functions.TrailResources[kind] == service {
			listed = append(listed, kind)
		}
	}
	if diff := cmp.Diff(changed, listed); diff != "" {
		t.Errorf("functions.TrailResources differs from the changed resources of the service %s (-changed +listed):\n%s", service, diff)
	}
}

func requireKnown[V any](t *testing.T, listed map[string]V) {
	t.Helper()
	for name := range maps.Keys(listed) {
		if f, found := functions.Manifest().Function(name); !found || f.HTTP != "" && f.Method() == http.MethodGet {
			t.Errorf("%s is listed, but is no function that changes something", name)
		}
	}
}

func testEntry(t *testing.T, s *functiontest.Server, f manifest.Function) {
	t.Helper()
	before := countEntries(t, s, f, `operation = ?`, f.Name)
	if cause := causes[f.Name]; cause != nil {
		if cause(t, s); countEntries(t, s, f, `operation = ?`, f.Name) == before {
			t.Error("it has changed something without an entry in the trail")
		}
		return
	}
	if f.HTTP == "" {
		t.Fatal("no test makes it change something: add it to causes, or with a reason to withoutEntry")
	}
	by := mustCreateCaller(t, s, f)
	request := requestTo(t, s, f, by)
	if body := changingBodies[f.Name]; body != nil {
		request.Body = body
	}
	var statements atomic.Int64
	s.Statements.Set(func(statement string) dbtest.Fate {
		if strings.Contains(statement, "INSERT INTO trail") {
			statements.Add(1)
		}
		return dbtest.Pass
	})
	response := s.Do(t, request)
	s.Statements.Set(nil)
	requireSuccess(t, response)
	id := response.Header.Get("X-Request-Id")
	if f.Name == "user-delete" { // the entry has neither the account nor the id of its request
		id = ""
	}
	recorded := min(max(recordingTransactions[f.Name], 1), mustCountRows(t, s, "trail", `operation = ? AND request_id = ?`, f.Name, id))
	if n := statements.Load(); f.Name != "user-delete" && n != int64(recorded) {
		t.Errorf("the entries of a request are inserted by %d statements, want %d", n, recorded)
	}
	if countEntries(t, s, f, `operation = ? AND request_id = ?`, f.Name, id) == 0 {
		t.Errorf("the change by request %s has no entry in the trail", id)
	}
	if f.Access != manifest.Anyone && f.Name != "user-delete" && countEntries(t, s, f, `operation = ? AND request_id = ? AND actor_id = ?`, f.Name, id, by.id[:]) == 0 {
		t.Errorf("the entry of request %s has not its caller", id)
	}
}

// countEntries returns the number of entries of a service.
func countEntries(t testing.TB, s *functiontest.Server, f manifest.Function, where string, args ...any) int {
	t.Helper()
	n := mustCountRows(t, s, "trail", where, args...)
	if f.Service == "order" {
		n += mustCountRows(t, s, "order_history", where, args...)
	}
	return n
}

// TestTrailHasNoSecrets calls all functions, and requires that the entries of accounts have none of
// the values that are personal or secret.
func TestTrailHasNoSecrets(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "user")
	for _, f := range functions.Manifest().FunctionsOf("user") {
		if f.HTTP != "" {
			requireSuccess(t, s.Do(t, requestTo(t, s, f, mustCreateCaller(t, s, f))))
		}
	}
	rows, err := s.DB.QueryContext(t.Context(), `SELECT operation, changes FROM trail`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	entries := 0
	for ; rows.Next(); entries++ {
		var operation, changes string
		if err := rows.Scan(&operation, &changes); err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"@example.com", fixtures.Password, fixtures.NewPassword, "Ada", "argon2", "Street"} {
			if strings.Contains(changes, value) {
				t.Errorf("an entry of %s has %q: %s", operation, value, changes)
			}
		}
	}
	if err := rows.Err(); err != nil || entries < 5 {
		t.Errorf("%d entries were read: %v", entries, err)
	}
}
