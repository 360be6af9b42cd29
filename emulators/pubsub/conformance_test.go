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
	tests := map[string]func(*testing.T, broker){
		"push requests have the documented fields":                    testPushRequest,
		"pushes carry the delivery attempt":                           testDeliveryAttempt,
		"pushes carry a token":                                        testPushToken,
		"status codes acknowledge as documented":                      testStatusCodes,
		"redirects are not followed":                                  testRedirects,
		"a push without a response is retried after the ack deadline": testAckDeadline,
		"retries follow the backoff":                                  testRetryBackoff,
		"attempts are counted per subscription":                       testAttemptsBySubscription,
		"a message becomes a dead letter after its last attempt":      testDeadLetter,
		"filters select messages":                                     testFilter,
		"pushes of an ordering key are in order":                      testOrderingKey,
		"every subscription of a topic receives every message":        testFanOut,
		"the endpoint can change at run time":                         testEndpointChange,
		"messages can be pulled":                                      testPull,
		"streaming pull redelivers returned messages":                 testStreamingPull,
		"a topology can be applied":                                   testTopology,
		"message limits are enforced":                                 testMessageLimits,
		"pulls of an ordering key are in order":                       testOrderedPull,
		"redeliveries of an ordering key are in order":                testOrderedRedelivery,
		"streaming pulls of an ordering key are in order":             testOrderedStream,
		"exactly-once delivery rejects used ack ids":                  testExactlyOnce,
		"exactly-once delivery acknowledges in order":                 testExactlyOnceOrdered,
		"exactly-once delivery can be switched":                       testExactlyOnceSwitch,
		"exactly-once delivery works with streaming pull":             testExactlyOnceStream,
		"a seek to a time restores messages":                          testSeekToTime,
		"a topic retains messages":                                    testTopicRetention,
		"a seek to a snapshot restores messages":                      testSnapshot,
		"retention bounds are enforced":                               testRetentionBounds,
		"defaults are set":                                            testDefaults,
		"topics can be updated":                                       testTopicUpdates,
		"subscriptions can be detached":                               testDetach,
		"schemas are empty":                                           testNoSchemas,
	}
	for name, start := range brokers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, b)
				})
			}
		})
	}
}
