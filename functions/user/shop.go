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
	// shopTimeout is how long one answer of the shop may take, the start of an
	// instance included.
	shopTimeout = 10 * time.Second
	// maxShopAnswer is more than a page of the longest orders has, in bytes.
	maxShopAnswer = 16 << 20
	// shopPageSize is how many orders are asked for at a time: the most there may be.
	shopPageSize = 100
)

// exportSettings are the environment variables that only user-export has.
type exportSettings struct {
	// ShopURL is where the shop's clients reach it: the load balancer, or the
	// gateway of a local system.
	ShopURL string `env:"SHOP_URL,required"`
	// Service is set on Cloud Run, Emulator by what stands in for it.
	Service  string `env:"K_SERVICE"`
	Emulator bool   `env:"SOUK_EMULATOR"`
}

// shop is the shop's own API, asked as a client asks it: services share no
// database and no code (docs/adr/0014).
type shop struct {
	url    string
	client *http.Client
}

func newShop(settings exportSettings) (*shop, error) {
	at, err := url.Parse(settings.ShopURL)
	switch {
	case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.RawQuery != "" || at.Fragment != "":
		return nil, errors.New("SHOP_URL must be the shop's address, such as https://shop.example.com")
	case at.Scheme == "http" && settings.Service != "" && !settings.Emulator:
		return nil, errors.New("SHOP_URL must begin with https:// on Cloud Run: customers' tokens are sent there")
	}
	return &shop{url: strings.TrimSuffix(settings.ShopURL, "/"), client: &http.Client{
		Timeout: shopTimeout,
		// The token is for this address and for no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// orderPages reads the orders of a user, page by page, as that user.
type orderPages struct {
	shop          *shop
	authorization string
	userID        uuid.UUID
	token         string
	// More says that there is another page.
	More bool
}

// orders returns the pages of a user's orders. Authorization is the header of the
// user's own request.
func (s *shop) orders(userID uuid.UUID, authorization string) *orderPages {
	return &orderPages{shop: s, authorization: authorization, userID: userID, More: true}
}

// Next returns the next page: orders as the order service writes them.
func (p *orderPages) Next(ctx context.Context) ([]json.RawMessage, error) {
	// An admin would see everyone's without the id.
	path := fmt.Sprintf("%s/v1/orders?pageSize=%d&userId=%s", p.shop.url, shopPageSize, p.userID)
	if p.token != "" {
		path += "&pageToken=" + url.QueryEscape(p.token)
	}
	var page api.Page[json.RawMessage]
	if err := p.shop.get(ctx, path, p.authorization, &page); err != nil {
		return nil, fmt.Errorf("read the orders of user %s: %w", p.userID, err)
	}
	if page.NextPageToken != "" && page.NextPageToken == p.token {
		return nil, fmt.Errorf("read the orders of user %s: a page names itself as the next", p.userID)
	}
	p.token, p.More = page.NextPageToken, page.NextPageToken != ""
	return page.Items, nil
}

// errTokenRefused reports that the caller's token has been revoked since this request
// began.
var errTokenRefused = errors.New("the order service refuses the caller's token")

// get reads a resource of the shop into value.
func (s *shop) get(ctx context.Context, path, authorization string, value any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", authorization)
	request.Header.Set(api.HeaderRequestID, api.RequestIDFrom(ctx))
	telemetry.ToHeader(ctx, request.Header)
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxShopAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("the answer broke off: %w", err)
	case answer.StatusCode == http.StatusUnauthorized:
		return errTokenRefused
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("the answer is %s", answer.Status)
	case len(body) > maxShopAnswer:
		return fmt.Errorf("the answer is longer than %d bytes", maxShopAnswer)
	}
	if err := json.Unmarshal(body, value); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
