package audit

// Check names one kind of damage.
type Check string

// Every kind of damage that is looked for.
const (
	StockSum           Check = "stock-sum"
	StockNegative      Check = "stock-negative"
	ReservedSum        Check = "reserved-sum"
	ReservedUnits      Check = "reserved-units"
	ProductMissing     Check = "product-missing"
	ReservationMissing Check = "reservation-missing"
	ReservationDiffers Check = "reservation-differs"
	ReservationLeft    Check = "reservation-left"
	ReservationOrphan  Check = "reservation-orphan"
	OrderTotal         Check = "order-total"
	OrderItems         Check = "order-items"
	DiscountUses       Check = "discount-uses"
	ShipmentUnits      Check = "shipment-units"
	ShipmentStatus     Check = "shipment-status"
	ReturnUnits        Check = "return-units"
	HistoryMismatch    Check = "history-mismatch"
	HistoryMove        Check = "history-move"
	OrderOverdue       Check = "order-overdue"
	UserMissing        Check = "user-missing"
	GuestOrder         Check = "guest-order"
	PersonLeft         Check = "person-left"
	CatalogDiffers     Check = "catalog-differs"
	KeyDiffers         Check = "key-differs"
	OutboxStuck        Check = "outbox-stuck"
	EventUnconsumed    Check = "event-unconsumed"
	WebhookMissing     Check = "webhook-missing"
	OrderDoubled       Check = "order-doubled"
	OrderLost          Check = "order-lost"
	OrderPrice         Check = "order-price"
	OrderPayment       Check = "order-payment"
	MoneyUnpaid        Check = "money-unpaid"
	MoneyUnreturned    Check = "money-unreturned"
	MoneyDiffers       Check = "money-differs"
	MoneyOrphan        Check = "money-orphan"
	MoneySum           Check = "money-sum"
	MoneyTotal         Check = "money-total"
	ProviderDiffers    Check = "provider-differs"
	ProviderMissing    Check = "provider-missing"
	ProviderOrphan     Check = "provider-orphan"
	HistoryGap         Check = "history-gap"
	EventMissing       Check = "event-missing"
	MovementDoubled    Check = "movement-doubled"
	MovementSource     Check = "movement-source"
	RuleCurrency       Check = "rule-currency"
	RuleCountry        Check = "rule-country"
	RuleText           Check = "rule-text"
	RuleRole           Check = "rule-role"
)

// meanings of the checks, in the order in which they are reported.
var meanings = []struct {
	check Check
	means string
}{
	{StockSum, "a product's stock is not its movements less what is reserved"},
	{StockNegative, "a product has fewer than 0 units available or reserved"},
	{ReservedSum, "a product's reserved units are not the unshipped ones of its orders"},
	{ReservedUnits, "more units of an order are reserved than remain to be shipped"},
	{ProductMissing, "stock is reserved or booked of a product that does not exist"},
	{ReservationMissing, "a confirmed order has no stock reserved"},
	{ReservationDiffers, "an order has other products or quantities reserved than it lists"},
	{ReservationLeft, "a rejected or cancelled order still has stock reserved"},
	{ReservationOrphan, "stock is reserved for an order that does not exist"},
	{OrderTotal, "an order's total is not that of its lines and its quote"},
	{OrderItems, "an order has no lines"},
	{ShipmentUnits, "more units of a line are shipped than were ordered"},
	{ShipmentStatus, "an order's status is not that of its shipments"},
	{ReturnUnits, "more units of a line are returned, or expected back, than were shipped"},
	{DiscountUses, "the uses of a discount are not the orders that have it"},
	{HistoryMismatch, "an order's history is missing or does not end in its status"},
	{HistoryMove, "an order's history has a change of status that is not allowed"},
	{OrderOverdue, "an order has been pending, or has waited for its payment, for longer than it may"},
	{UserMissing, "an order belongs to a user that does not exist"},
	{GuestOrder, "an order of a guest has no e-mail address, belongs to an account, or is not that of its checkout"},
	{PersonLeft, "an order or the trail still has data of a user whose account was deleted"},
	{CatalogDiffers, "the order service's copy of a product differs from the product"},
	{KeyDiffers, "a service's copy of an API key differs from the key"},
	{OutboxStuck, "events wait in an outbox for longer than the sweep takes"},
	{EventUnconsumed, "a published event has not reached a consumer"},
	{WebhookMissing, "a published event has no delivery to an endpoint that was subscribed to it"},
	{OrderDoubled, "an order has no request of its own"},
	{OrderLost, "there are traces of an order that does not exist"},
	{OrderPrice, "an order's prices or total are not those that it was placed at"},
	{OrderPayment, "an order does not have the payment that it was placed with, or its events differ from it"},
	{MoneyUnpaid, "an order that must be paid is confirmed, and its payment is missing or failed, or shipped, and not all of it is captured"},
	{MoneyUnreturned, "an order is cancelled or rejected, and the shop has not returned its payment"},
	{MoneyDiffers, "a payment has another amount or currency than its order"},
	{MoneyOrphan, "there is a payment of an order that needs none or does not exist"},
	{MoneySum, "more was captured than authorized, more refunded than captured, or other than the refunds are"},
	{MoneyTotal, "in a currency, the paid orders less refunds, the captured amounts and those at the provider are not the same"},
	{ProviderDiffers, "the provider has another amount of a payment, or has captured or refunded another one, than is stored"},
	{ProviderMissing, "the provider does not know a payment that is stored"},
	{ProviderOrphan, "the provider has a payment that no order has"},
	{HistoryGap, "an order's history lacks a version, or the order has another version"},
	{EventMissing, "a change of an order's status has no event, or an event no change"},
	{MovementDoubled, "a request has moved the stock of a product twice"},
	{MovementSource, "stock was moved by no request and no line of an import"},
	{RuleCurrency, "a currency is not in use"},
	{RuleCountry, "a country is not one of ISO 3166-1"},
	{RuleText, "a text breaks a rule for text that is entered today"},
	{RuleRole, "a role is neither customer nor admin"},
}

// Checks returns the name of every check.
func Checks() (checks []Check) {
	for _, m := range meanings {
		checks = append(checks, m.check)
	}
	return checks
}
