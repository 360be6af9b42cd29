package e2e_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
	"souk/functions/product"
	"souk/functions/user"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/note"
)

// stockMailbox is the address to which systems under test mail low stock.
const stockMailbox = "stock@souk.test"

// Units and threshold of the products of a day of staff, and what a customer orders of them.
const (
	dayStock, dayLowStockAt = 20, 5
	dayCups, dayPots        = 3, 2
)

// staffMember is an account of staff.
type staffMember struct {
	id    uuid.UUID
	role  auth.Role
	token string
}

// staffChange is a change of an order that a member of staff has made by a function.
type staffChange struct {
	function string
	by       staffMember
}

// staffDay is a paid order of a new customer, and who works on it.
type staffDay struct {
	*system
	mark         string // is part of all that is created for the day
	owner, staff staffMember
	by           staffMember // of the last step
	changes      []staffChange
	customer     user.User
	buyer        string // the customer's token
	cup, pot     product.Product
	order        order.Order
	note         note.Note
	writer       staffMember // of the note
	returned     uuid.UUID   // the open return
}

func getRequest(token, path string) functiontest.Request {
	return functiontest.Request{Method: http.MethodGet, Path: path, Token: token}
}

func putRole(token string, account uuid.UUID, role auth.Role) functiontest.Request {
	return functiontest.Request{Method: http.MethodPut, Path: "/v1/users/" + account.String() + "/role", Token: token, Body: map[string]any{"role": role}}
}

// newOwner signs the owner of the system in.
func (s *system) newOwner(t *testing.T) staffMember {
	t.Helper()
	token := s.admin(t)
	return staffMember{uuid.MustParse(s.accountID(t, token)), auth.Owner, token}
}

// hire registers an account, gives it a role and signs it in.
func (s *system) hire(t *testing.T, owner staffMember, role auth.Role) staffMember {
	t.Helper()
	email := "staff-" + uuid.NewString() + "@example.com"
	account := s.mustRegister(t, email, fixtures.Password, "Basim Haddad")
	s.do(t, putRole(owner.token, account.ID, role)).MustBe(t, http.StatusOK)
	return staffMember{account.ID, role, s.mustLogIn(t, email, fixtures.Password)}
}

// chargeTaxAndShipping sets the prices of the shop: with tax, in EUR, and with 4.90 for shipping.
func (s *system) chargeTaxAndShipping(t *testing.T, admin string) {
	t.Helper()
	s.do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/settings", Token: admin, Header: map[string]string{"If-Match": "*"}, Body: map[string]any{
		"currency": "EUR", "pricesIncludeTax": true, "taxRates": []any{map[string]any{"country": "DE", "rate": 190000}},
		"zones": []any{map[string]any{"name": "World", "areas": []any{map[string]any{}}, "methods": []any{
			map[string]any{"id": "standard", "name": "Parcel", "basis": "flat", "tiers": []any{map[string]any{"price": 490}}},
		}}},
	}}).MustBe(t, http.StatusOK)
}

// newStaffDay registers a customer, who orders two products and pays.
func (s *system) newStaffDay(t *testing.T, owner staffMember) *staffDay {
	t.Helper()
	d := &staffDay{system: s, mark: uuid.NewString()[:8], owner: owner}
	d.cup, d.pot = d.mustStock(t, "Cup"), d.mustStock(t, "Pot")
	email := "amira-" + d.mark + "@example.com"
	d.customer = s.mustRegister(t, email, fixtures.Password, "Amira "+d.mark)
	d.buyer = s.mustLogIn(t, email, fixtures.Password)
	s.do(t, fixtures.CreateAddress(d.buyer, fixtures.Address())).MustBe(t, http.StatusCreated)
	body := fixtures.Order(fixtures.Item(d.cup.ID, dayCups), fixtures.Item(d.pot.ID, dayPots))
	body["shippingAddress"], body["shippingMethod"] = fixtures.Address(), "standard"
	eventually(t, "the new products can be ordered", func() bool {
		response := s.do(t, fixtures.PlaceOrder(d.buyer, body))
		if response.Status == http.StatusConflict {
			response.MustBeProblem(t, http.StatusConflict, "product_unavailable")
			return false
		}
		response.MustBe(t, http.StatusCreated).Into(t, &d.order)
		return true
	})
	s.pay(t, d.buyer, d.order.ID)
	eventually(t, "the order service knows the customer's address", func() bool {
		var page api.Page[order.Order]
		s.do(t, getRequest(owner.token, d.searchByMail())).MustBe(t, http.StatusOK).Into(t, &page)
		return len(page.Items) == 1
	})
	return d
}

// mustStock creates a product of the day with a threshold.
func (d *staffDay) mustStock(t *testing.T, name string) product.Product {
	t.Helper()
	body := fixtures.Product("DAY-"+name+"-"+d.mark, dayStock)
	body["name"], body["category"], body["lowStockAt"] = name+" "+d.mark, d.category(), dayLowStockAt
	var p product.StaffProduct
	d.system.do(t, fixtures.CreateProduct(d.owner.token, body)).MustBe(t, http.StatusCreated).Into(t, &p)
	return p.Product
}

// category is that of the products of the day.
func (d *staffDay) category() string { return "day-" + d.mark }

func (d *staffDay) searchByMail() string { return "/v1/orders?q=" + url.QueryEscape(d.customer.Email) }

// read returns the order, as the owner reads it.
func (d *staffDay) read(t *testing.T) (o order.Order) {
	t.Helper()
	d.system.do(t, fixtures.GetOrder(d.owner.token, d.order.ID)).MustBe(t, http.StatusOK).Into(t, &o)
	return o
}

// payment returns the payment of the order, as the owner reads it.
func (d *staffDay) payment(t *testing.T) (p payment.Payment) {
	t.Helper()
	d.getPayment(t, d.owner.token, d.order.ID).MustBe(t, http.StatusOK).Into(t, &p)
	return p
}

// awaitRefunded waits until an amount is refunded, by succeeded refunds.
func (d *staffDay) awaitRefunded(t *testing.T, amount int64) {
	t.Helper()
	d.awaitPayment(t, d.owner.token, d.order.ID, "refunded in part", func(p payment.Payment) bool {
		for _, r := range p.Refunds {
			if r.Status != payment.RefundSucceeded {
				return false
			}
		}
		return p.Status == payment.PartiallyRefunded && p.Refunded.Amount == amount
	})
}

// awaitStock waits until a number of units of a product is available.
func (d *staffDay) awaitStock(t *testing.T, p product.Product, units int64) {
	t.Helper()
	eventually(t, "the units are for sale", func() bool { return d.readProduct(t, p).Available == units })
}

// awaitReserved waits until a number of units of a product is reserved and in the warehouse, besides the
// available ones.
func (d *staffDay) awaitReserved(t *testing.T, p product.Product, units int64) {
	t.Helper()
	eventually(t, "the other units are shipped", func() bool {
		got := d.readProduct(t, p)
		return got.Reserved == units && got.OnHand == got.Available+units
	})
}

// readProduct returns a product, as the owner finds it by its SKU: no cache has it.
func (d *staffDay) readProduct(t *testing.T, p product.Product) product.StaffProduct {
	t.Helper()
	var page api.Page[product.StaffProduct]
	d.system.do(t, getRequest(d.owner.token, "/v1/products/search?sku="+p.SKU)).MustBe(t, http.StatusOK).Into(t, &page)
	if len(page.Items) != 1 || page.Items[0].ID != p.ID {
		t.Fatalf("%s finds %+v, want %s", p.SKU, page.Items, p.ID)
	}
	return page.Items[0]
}
