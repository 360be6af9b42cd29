package pubsub_test

// What Google's emulator does otherwise than Pub/Sub's documentation says, seen
// in version 0.8.20.
const (
	noPushToken                  difference = "push requests carry no token"
	noDeliveryAttempt            difference = "push requests do not tell the delivery attempt"
	noOrderingKey                difference = "push requests do not tell the ordering key"
	ownUserAgent                 difference = "push requests come from Java's user agent"
	acceptedFails                difference = "202 does not acknowledge"
	nonAuthoritativeAcknowledges difference = "203 acknowledges"
	redirectsAreFollowed         difference = "redirects are followed"
	firstRetryTooSoon            difference = "the first retry does not wait for the minimum backoff"
	filtersAreIgnored            difference = "filters are accepted unread and ignored"
	messagesAreUnbounded         difference = "attributes and ordering keys have no limits"
)

var googleLacks = map[difference]bool{
	noPushToken:                  true,
	noDeliveryAttempt:            true,
	noOrderingKey:                true,
	ownUserAgent:                 true,
	acceptedFails:                true,
	nonAuthoritativeAcknowledges: true,
	redirectsAreFollowed:         true,
	firstRetryTooSoon:            true,
	filtersAreIgnored:            true,
	messagesAreUnbounded:         true,
}
