package order

import (
	"context"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type shipmentCreateInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Tracking
		Lines []Units `json:"lines,omitempty" maxItems:"50" doc:"The units in the shipment. Without them it has everything that remains."`
	}
}

// Resolve implements huma.Resolver. It checks the link, and requires each product once.
func (in *shipmentCreateInput) Resolve(huma.Context) []error {
	errs := checkDuplicateUnits("body.lines", in.Body.Lines)
	if link := in.Body.TrackingURL; link != "" && !isLink(link) {
		errs = append(errs, api.FieldError{
			Location: "body.trackingUrl", Code: api.FieldFormat,
			Message: "must be an absolute URL with https and a host name, without a user, such as https://carrier.example/track?id=1",
		})
	}
	return errs
}

type shipmentCreateOutput struct {
	Body Shipment
}

// shipmentCreate handles POST /v1/orders/{id}/shipments.
//
// # Ship units of an order
//
// Ships some or all remaining units of a confirmed or partially shipped order. The customer gets a
// mail with the tracking. The order is partially_shipped until all units are shipped. The first
// shipment captures the whole payment; from then on the order cannot be cancelled: refund what is
// not sent. Of an order of a deleted account, only the carrier is stored.
func (s *service) shipmentCreate(ctx context.Context, tx *database.Tx, in *shipmentCreateInput) (*shipmentCreateOutput, error) {
	_, shipment, err := s.addShipment(ctx, tx, in.ID, parcel{in.Body.Tracking, in.Body.Lines})
	if err != nil {
		return nil, err
	}
	return &shipmentCreateOutput{*shipment}, nil
}

// checkDuplicateUnits returns an error for each product that is in an earlier element.
func checkDuplicateUnits(location string, units []Units) []error {
	items := make([]placeItem, len(units))
	for i, u := range units {
		items[i] = placeItem(u)
	}
	return checkDuplicates(location, items)
}

// isLink reports whether a text is a link that may be shown to customers and mailed to them: an
// absolute URL with https in ASCII.
func isLink(text string) bool {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^`+"`{|}", r) }) {
		return false
	}
	link, err := url.Parse(text)
	return err == nil && link.Scheme == "https" && strings.Contains(link.Hostname(), ".") && link.User == nil && link.Opaque == ""
}
