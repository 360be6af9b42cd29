package pubsub_test

// Differences of Google's emulator from Pub/Sub's documentation, observed in version
// 0.8.20.
const (
	noPushToken                    difference = "push requests carry no token"
	noDeliveryAttempt              difference = "push requests lack the delivery attempt"
	noOrderingKey                  difference = "push requests lack the ordering key"
	ownUserAgent                   difference = "push requests come from Java's user agent"
	acceptedFails                  difference = "202 does not acknowledge"
	nonAuthoritativeAcknowledges   difference = "203 acknowledges"
	redirectsAreFollowed           difference = "redirects are followed"
	firstRetryTooSoon              difference = "the first retry does not wait for the minimum backoff"
	filtersAreIgnored              difference = "filters are accepted unread and ignored"
	messagesAreUnbounded           difference = "attributes and ordering keys have no limits"
	fewDefaults                    difference = "responses lack the default expiration policy and the topic's retention"
	fewUpdates                     difference = "labels, storage policies and snapshots cannot be updated"
	noDetach                       difference = "DetachSubscription is not implemented"
	shortRetention                 difference = "subscriptions retain messages for 7 days at most"
	startsWithRetained             difference = "a new subscription begins with the messages that its topic retains"
	orderEndsWithNack              difference = "a returned message is delivered after later ones of its key"
	seekDropsForGood               difference = "a retained message that a seek passed over is not restored"
	snapshotsAreTheirSubscriptions difference = "a snapshot restores nothing to another subscription"
	// schemasAreRejected is a difference of the embedded broker, not of Google's:
	// docs/adr/0017-no-pubsub-schemas.md.
	schemasAreRejected difference = "schemas can be created"
)

var googleLacks = map[difference]bool{
	noPushToken:                    true,
	noDeliveryAttempt:              true,
	noOrderingKey:                  true,
	ownUserAgent:                   true,
	acceptedFails:                  true,
	nonAuthoritativeAcknowledges:   true,
	redirectsAreFollowed:           true,
	firstRetryTooSoon:              true,
	filtersAreIgnored:              true,
	messagesAreUnbounded:           true,
	fewDefaults:                    true,
	fewUpdates:                     true,
	noDetach:                       true,
	shortRetention:                 true,
	startsWithRetained:             true,
	orderEndsWithNack:              true,
	seekDropsForGood:               true,
	snapshotsAreTheirSubscriptions: true,
	schemasAreRejected:             true,
}
