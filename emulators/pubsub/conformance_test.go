package pubsub_test

import (
	"testing"

	"souk/emulators/pubsub"
)

// difference names a documented behavior of Pub/Sub that a broker lacks. Each is
// asserted in the tests, so that the suite fails when the broker changes, and listed in
// docs/fidelity.md.
type difference string

// broker is a broker that the suite tests against Pub/Sub's documentation.
type broker struct {
	*bench
	lacks map[difference]bool
}

// TestConformance runs one suite against every broker that the functions may use,
// through the public client only.
func TestConformance(t *testing.T) {
	t.Parallel()
	brokers := map[string]func(*testing.T) broker{
		"embedded": func(t *testing.T) broker {
			b := mustStart(t, pubsub.Options{Dir: t.TempDir(), Tokens: mustIssuer(t)})
			return broker{bench: mustConnect(t, b.Addr())}
		},
		"google": func(t *testing.T) broker {
			return broker{bench: mustConnect(t, google.mustStart(t)), lacks: googleLacks}
		},
	}
	behaviours := map[string]func(*testing.T, broker){
		"push request is Google's":             testPushRequest,
		"delivery attempt is sent":             testDeliveryAttempt,
		"push token":                           testPushToken,
		"status codes":                         testStatusCodes,
		"redirect is not followed":             testRedirects,
		"ack deadline":                         testAckDeadline,
		"retry backoff":                        testRetryBackoff,
		"attempts are counted by subscription": testAttemptsBySubscription,
		"dead letter":                          testDeadLetter,
		"filter":                               testFilter,
		"ordering key":                         testOrderingKey,
		"fan-out":                              testFanOut,
		"endpoint changes at run time":         testEndpointChange,
		"pull":                                 testPull,
		"streaming pull":                       testStreamingPull,
		"topology":                             testTopology,
		"message limits":                       testMessageLimits,
		"ordered pull":                         testOrderedPull,
		"ordered redelivery":                   testOrderedRedelivery,
		"ordered streaming pull":               testOrderedStream,
		"exactly once":                         testExactlyOnce,
		"exactly once, ordered":                testExactlyOnceOrdered,
		"exactly once, switched":               testExactlyOnceSwitch,
		"exactly once, streaming pull":         testExactlyOnceStream,
		"seek to a time":                       testSeekToTime,
		"topic retention":                      testTopicRetention,
		"snapshot":                             testSnapshot,
		"retention bounds":                     testRetentionBounds,
		"defaults":                             testDefaults,
		"topic updates":                        testTopicUpdates,
		"detach":                               testDetach,
		"schemas":                              testNoSchemas,
	}
	for name, start := range brokers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			for name, test := range behaviours {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, b)
				})
			}
		})
	}
}
