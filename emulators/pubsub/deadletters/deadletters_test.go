package deadletters_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"souk/emulators/pubsub"
	"souk/emulators/pubsub/deadletters"
)

const (
	project = "test"
	maxWait = 30 * time.Second

	topic        = "stock-reserved"
	source       = "order-confirm.stock-reserved"
	subscription = source + ".dead-letter"
)

// house is a broker with a function on it that fails, until the test mends it.
type house struct {
	*deadletters.Box
	mu       sync.Mutex
	mended   bool
	received []map[string]string // the attributes of what the function took
	records  []deadletters.Record
}

func open(t *testing.T) *house {
	t.Helper()
	broker, err := pubsub.Start(t.Context(), pubsub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	client, err := pubsub.Connect(t.Context(), broker.Addr(), project)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{Box: &deadletters.Box{Client: client}}
	function := httptest.NewServer(h)
	t.Cleanup(function.Close)
	for _, name := range []string{topic, subscription} {
		if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: topicPath(name)}); err != nil {
			t.Fatal(err)
		}
	}
	h.mustSubscribe(t, &pb.Subscription{Name: path(subscription), Topic: topicPath(subscription), AckDeadlineSeconds: 10})
	h.mustSubscribe(t, &pb.Subscription{
		Name: path(source), Topic: topicPath(topic), AckDeadlineSeconds: 10,
		PushConfig:       &pb.PushConfig{PushEndpoint: function.URL},
		RetryPolicy:      &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Millisecond), MaximumBackoff: durationpb.New(time.Millisecond)},
		DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: topicPath(subscription), MaxDeliveryAttempts: 5},
	})
	return h
}

func (h *house) mustSubscribe(t *testing.T, s *pb.Subscription) {
	t.Helper()
	if _, err := h.Client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func path(name string) string      { return "projects/" + project + "/subscriptions/" + name }
func topicPath(name string) string { return "projects/" + project + "/topics/" + name }

// ServeHTTP is the function.
func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.mended {
		http.Error(w, "broken", http.StatusInternalServerError)
		return
	}
	var push struct {
		Message struct {
			Attributes map[string]string `json:"attributes"`
		} `json:"message"`
	}
	if err := json.NewDecoder(r.Body).Decode(&push); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.received = append(h.received, push.Message.Attributes)
}

// mustCreateDeadLetters publishes messages and waits until they are dead letters. It returns
// them in the order they were published.
func (h *house) mustCreateDeadLetters(t *testing.T, n int) []deadletters.Letter {
	t.Helper()
	for i := range n {
		_, err := h.Client.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{
			Topic: topicPath(topic), Messages: []*pb.PubsubMessage{{
				Data: []byte(`{"orderId":"7"}`), Attributes: map[string]string{"id": fmt.Sprint(i), "type": topic}, OrderingKey: "7",
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	letters := h.waitForDeadLetters(t, n)
	slices.SortFunc(letters, func(a, b deadletters.Letter) int {
		return slices.Compare([]string{a.Attributes["id"]}, []string{b.Attributes["id"]})
	})
	return letters
}

// waitForDeadLetters waits until there are that many dead letters.
func (h *house) waitForDeadLetters(t *testing.T, n int) (letters []deadletters.Letter) {
	t.Helper()
	for deadline := time.Now().Add(maxWait); ; {
		letters = h.mustListDeadLetters(t)
		if len(letters) == n {
			return letters
		}
		time.Sleep(time.Millisecond)
		if time.Now().After(deadline) {
			t.Fatalf("there are %d dead letters, want %d", len(letters), n)
		}
	}
}

func (h *house) mustListDeadLetters(t *testing.T) (letters []deadletters.Letter) {
	t.Helper()
	err := h.Show(t.Context(), source, func(l deadletters.Letter) bool {
		letters = append(letters, l)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

func (h *house) act() deadletters.Act {
	return deadletters.Act{Who: "amira", Why: "mended", Log: func(r deadletters.Record) error {
		h.records = append(h.records, r)
		return nil
	}}
}

func (h *house) mustList(t *testing.T, messages int) deadletters.Summary {
	t.Helper()
	list, err := h.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Messages != messages {
		t.Fatalf("got %+v, want %d messages in one subscription", list, messages)
	}
	return list[0]
}

func TestLook(t *testing.T) {
	t.Parallel()
	h := open(t)
	if s := h.mustList(t, 0); s.Oldest != nil {
		t.Errorf("an empty one has an oldest: %+v", s)
	}
	letters := h.mustCreateDeadLetters(t, 3)
	t.Run("list reports how many there are, and since when", func(t *testing.T) {
		s := h.mustList(t, 3)
		if s.Subscription != subscription || s.Source != source || s.Topic != topic || s.Oldest == nil || time.Since(*s.Oldest) > maxWait {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("show prints all of a message", func(t *testing.T) {
		l := letters[0]
		if l.Source != source || l.Deliveries != 5 || string(l.Payload) != `{"orderId":"7"}` || l.Attributes["type"] != topic || l.ID == "" {
			t.Errorf("got %+v", l)
		}
	})
	t.Run("show stops when visit returns false", func(t *testing.T) {
		shown := 0
		err := h.Show(t.Context(), subscription, func(deadletters.Letter) bool { shown++; return false })
		if err != nil || shown != 1 {
			t.Errorf("%d shown, %v", shown, err)
		}
	})
	t.Run("looking takes nothing away, nor keeps it from the next look", func(t *testing.T) {
		h.mustList(t, 3)
		if n := len(h.mustListDeadLetters(t)); n != 3 {
			t.Errorf("%d are left", n)
		}
	})
	t.Run("a missing subscription is an error", func(t *testing.T) {
		err := h.Show(t.Context(), "nothing.nowhere", func(deadletters.Letter) bool { return true })
		if !errors.Is(err, deadletters.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestListCountsMoreThanOnePull(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Wait = time.Millisecond // once more than needed, as in the cloud
	const many = 250
	for i := range many {
		_, err := h.Client.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{
			Topic: topicPath(subscription), Messages: []*pb.PubsubMessage{{Data: fmt.Append(nil, i)}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	h.mustList(t, many)
	h.mustList(t, many)
}
