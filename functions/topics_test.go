package functions_test

import (
	"reflect"
	"slices"
	"testing"

	"souk/functions"
	"souk/shared/event"
	"souk/shared/manifest"
)

// payloadType returns the type of the payload of a topic that a service publishes to.
func payloadType(t *testing.T, service, topic string) reflect.Type {
	t.Helper()
	topics := services[service].Topics
	at := slices.IndexFunc(topics, func(known event.AnyTopic) bool { return known.Name() == topic })
	if at < 0 {
		t.Fatalf("a function of service %s publishes %s: add it to Topics of the service", service, topic)
	}
	return topics[at].Payload()
}

// TestTopics requires that every topic of a service has a function that publishes to it.
func TestTopics(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		for _, topic := range services[service].Topics {
			publishers := functions.Manifest().Publishers()[topic.Name()]
			if !slices.ContainsFunc(publishers, func(f manifest.Function) bool { return f.Service == service }) {
				t.Errorf("service %s has the topic %s, but none of its functions publishes to it", service, topic.Name())
			}
		}
	}
}
