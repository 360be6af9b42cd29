package user

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/telemetry"
)

const (
	// shopTimeout is the time limit of a request to the shop, including the start of an
	// instance.
	shopTimeout = 10 * time.Second
	// maxShopResponse is the maximum size of a response in bytes: more than a page of
	// orders of the maximum size.
	maxShopResponse = 16 << 20
	// shopPageSize is the number of orders per page: the maximum of the API.
	shopPageSize = 100
)

// exportSettings are the environment variables that only user-export has.
type exportSettings struct {
	// ShopURL is the URL at which clients reach the shop: the load balancer, or the
	// gateway of a local system.
	ShopURL string `env:"SHOP_URL,required"`
	// Service is set on Cloud Run, Emulator by its local emulator.
	Service  string `env:"K_SERVICE"`
	Emulator bool   `env:"SOUK_EMULATOR"`
}

// shop is a client of the shop's public API. Services share neither a database nor code
// (docs/adr/0014).
type shop struct {
	url    string
	client *http.Client
}

// newShop returns a new client of the shop's API.
func newShop(settings exportSettings) (*shop, error) {
	u, err := url.Parse(settings.ShopURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("SHOP_URL must be the shop's URL, such as https://shop.example.com")
	case u.Scheme == "http" && settings.Service != "" && !settings.Emulator:
		return nil, errors.New("SHOP_URL must begin with https:// on Cloud Run, because customers' tokens are sent to it")
	}
	return &shop{url: strings.TrimSuffix(settings.ShopURL, "/"), client: &http.Client{
		Timeout: shopTimeout,
		// Do not send the token to another address.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// orderPages reads the orders of a user, page by page, as that user.
type orderPages struct {
	shop          *shop
	authorization string
	userID        uuid.UUID
	token         string
	// More reports whether there is another page.
	More bool
}

// orders returns the pages of a user's orders. authorization is the header of the user's
// request.
func (s *shop) orders(userID uuid.UUID, authorization string) *orderPages {
	return &orderPages{shop: s, authorization: authorization, userID: userID, More: true}
}

// Next returns the next page, with the orders as the order service encodes them, and what the payment
// service stores of each.
func (p *orderPages) Next(ctx context.Context) ([]json.RawMessage, error) {
	// Without the id an admin would get the orders of all users.
	path := fmt.Sprintf("%s/v1/orders?pageSize=%d&userId=%s", p.shop.url, shopPageSize, p.userID)
	if p.token != "" {
		path += "&pageToken=" + url.QueryEscape(p.token)
	}
	var page api.Page[json.RawMessage]
	if err := p.shop.get(ctx, path, p.authorization, &page); err != nil {
		return nil, fmt.Errorf("read orders of user %s: %w", p.userID, err)
	}
	if page.NextPageToken != "" && page.NextPageToken == p.token {
		return nil, fmt.Errorf("read orders of user %s: the next page token is the current one", p.userID)
	}
	if err := p.addPayments(ctx, page.Items); err != nil {
		return nil, fmt.Errorf("read payments of user %s: %w", p.userID, err)
	}
	p.token, p.More = page.NextPageToken, page.NextPageToken != ""
	return page.Items, nil
}

// errNotFound reports that an order has no payment, or no copy in the payment service.
var errNotFound = errors.New("not found")

// isMissing reports whether the body of a 404 is the payment service's: a 404 of a load balancer must
// not make an export look complete.
func isMissing(body []byte) bool {
	var problem struct {
		Code string `json:"code"`
	}
	err := json.Unmarshal(body, &problem)
	return err == nil && (problem.Code == "payment"+api.NotFoundSuffix || problem.Code == "order"+api.NotFoundSuffix)
}

// errTokenRejected reports that the caller's token was revoked after this request began.
var errTokenRejected = errors.New("a service rejected the caller's token")

// get decodes a resource of the shop into value.
func (s *shop) get(ctx context.Context, path, authorization string, value any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", authorization)
	request.Header.Set(api.HeaderRequestID, api.RequestIDFrom(ctx))
	telemetry.ToHeader(ctx, request.Header)
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxShopResponse+1))
	switch {
	case err != nil:
		return fmt.Errorf("read response: %w", err)
	case response.StatusCode == http.StatusUnauthorized:
		return errTokenRejected
	case response.StatusCode == http.StatusNotFound && isMissing(body):
		return errNotFound
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("unexpected status %s", response.Status)
	case len(body) > maxShopResponse:
		return fmt.Errorf("the response has more than %d bytes", maxShopResponse)
	}
	if err := json.Unmarshal(body, value); err != nil {
		return fmt.Errorf("decode response: %w", err)
	}
	return nil
}
