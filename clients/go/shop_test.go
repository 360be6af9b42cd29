package souk

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"testing"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
)

// TestShop registers a customer of a running shop, who buys as a guest and with the account. The variables are those of
// `souk env`.
func TestShop(t *testing.T) {
	t.Parallel()
	server := os.Getenv("SOUK_URL")
	if server == "" {
		t.Skip(`NOT CHECKED: there is no shop: start one and eval "$(souk env)"`)
	}
	staff := mustOpen(t, server, "")
	if err := staff.SignIn(t.Context(), os.Getenv("SOUK_ADMIN_EMAIL"), os.Getenv("SOUK_ADMIN_PASSWORD")); err != nil {
		t.Fatal(err)
	}
	stock := int64(10)
	created, err := staff.ProductCreateWithResponse(t.Context(), &ProductCreateParams{}, ProductCreateRequest{
		Sku: "GO-" + uuid.NewString(), Name: "Assam, 250 g", Price: PriceInput{Amount: 1299}, Stock: &stock,
	})
	if err != nil {
		t.Fatal(err)
	}
	email, password := "amira-"+uuid.NewString()[:8]+"@example.com", "seven green lanterns"
	shop := mustOpen(t, server, "")
	mustRegister(t, shop, email, password)
	if err := shop.SignIn(t.Context(), email, password); err != nil {
		t.Fatal(err)
	}
	wait := "wait=30"
	placed, err := shop.OrderPlaceWithResponse(t.Context(), &OrderPlaceParams{Prefer: &wait}, OrderPlaceRequest{
		Items: []PlaceItem{{ProductID: created.JSON201.ID, Quantity: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	mustPay(t, shop, placed.JSON201.ID)
	found := 0
	for o, err := range Items(func(token string) ([]Order, string, error) {
		page, err := shop.OrderListWithResponse(t.Context(), &OrderListParams{PageToken: PageToken(token)})
		if err != nil {
			return nil, "", err
		}
		return Page(page.JSON200.Items, page.JSON200.NextPageToken)
	}) {
		if err != nil || o.ID != placed.JSON201.ID {
			t.Errorf("the account has the order %v, %v", o.ID, err)
		}
		found++
	}
	if found != 1 {
		t.Errorf("the account has %d orders", found)
	}
	mustBuyAsGuest(t, server, email, created.JSON201.ID)
	if err := shop.SignOut(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := shop.UserGetWithResponse(t.Context(), &UserGetParams{}); err == nil {
		t.Error("after signing out, the account can be read")
	}
}

func mustOpen(t *testing.T, server, token string) *Shop {
	t.Helper()
	shop, err := Open(server, Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return shop
}

// mustRegister registers an account, and confirms its address with the token of the mail.
func mustRegister(t *testing.T, shop *Shop, email, password string) {
	t.Helper()
	if _, err := shop.UserRegisterWithResponse(t.Context(), UserRegisterRequest{Email: email, Name: "Amira", Password: password}); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, os.Getenv("SOUK_MAIL_URL")+"/api/latest?wait=20&to="+url.QueryEscape(email), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	mail, err := io.ReadAll(response.Body)
	token := regexp.MustCompile(`[A-Za-z0-9_-]{43}`).Find(mail)
	if err != nil || token == nil {
		t.Fatalf("the mail has no token: %v\n%s", err, mail)
	}
	if _, err := shop.EmailVerifyWithResponse(t.Context(), EmailVerifyRequest{Token: string(token), Password: password}); err != nil {
		t.Fatal(err)
	}
}

// mustPay pays an order on the page of the local provider, and waits until it is confirmed.
func mustPay(t *testing.T, shop *Shop, id uuid.UUID) {
	t.Helper()
	payment, err := Poll(t.Context(), func(ctx context.Context) (*Payment, error) {
		response, err := shop.PaymentGetWithResponse(ctx, id, &PaymentGetParams{})
		if err != nil {
			return nil, err
		}
		return response.JSON200, nil
	}, func(p *Payment) bool { return p.NextAction != nil && p.NextAction.URL != nil }, "payment_not_found")
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(*payment.NextAction.URL, url.Values{"number": {"4242424242424242"}, "expiry": {"12/40"}, "cvc": {"123"}}) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	order, err := Poll(t.Context(), func(ctx context.Context) (*Order, error) {
		response, err := shop.OrderGetWithResponse(ctx, id, &OrderGetParams{})
		if err != nil {
			return nil, err
		}
		return response.JSON200, nil
	}, func(o *Order) bool { return o.Status != "pending" && o.Status != "awaiting_payment" })
	if err != nil || order.Status != "confirmed" {
		t.Fatalf("the order is %+v, %v", order, err)
	}
}

// mustBuyAsGuest completes a checkout without an account. The first attempt is at another total than the shop's.
func mustBuyAsGuest(t *testing.T, server, email string, product uuid.UUID) {
	t.Helper()
	created, err := mustOpen(t, server, "").CheckoutCreateWithResponse(t.Context(), CheckoutContent{Items: []PlaceItem{{ProductID: product, Quantity: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	id := created.JSON201.ID
	guest := mustOpen(t, server, *created.JSON201.Token)
	updated, err := guest.CheckoutUpdateWithResponse(t.Context(), id, &CheckoutUpdateParams{IfMatch: created.HTTPResponse.Header.Get("ETag")},
		CheckoutUpdateRequest{Email: &email, Name: nullable.NewNullableWithValue("Amira")})
	if err != nil {
		t.Fatal(err)
	}
	version, total := updated.JSON200.Version, updated.JSON200.Total
	wrong := total
	wrong.Amount--
	_, err = guest.CheckoutCompleteWithResponse(t.Context(), id, &CheckoutCompleteParams{}, CheckoutCompleteRequest{Version: version, Total: wrong})
	if !HasCode(err, "checkout_changed") {
		t.Errorf("another total: %v", err)
	}
	completed, err := guest.CheckoutCompleteWithResponse(t.Context(), id, &CheckoutCompleteParams{}, CheckoutCompleteRequest{Version: version, Total: total})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(completed.JSON200.Total) != fmt.Sprint(total) {
		t.Errorf("the order's total is %v, not %v", completed.JSON200.Total, total)
	}
	mustPay(t, guest, completed.JSON200.ID)
}
