package e2e_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"souk/emulators/local"
	"souk/shared/database"
	"souk/shared/event"
)

const (
	poisoned    = "order-confirm.stock-reserved"
	deadLetters = poisoned + ".dead-letter"
)

// TestOperator runs the commands for operators: audit, synthetic orders and dead letters.
func TestOperator(t *testing.T) {
	parallel(t)
	s := startSystem(t)
	client, err := local.ConnectPubSub(t.Context(), s.PubSub.Host, s.PubSub.Project)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("an audit of valid orders finds nothing", func(t *testing.T) {
		admin, customer := s.admin(t), s.customer(t)
		p := s.mustCreateProduct(t, admin, customer, 5)
		for _, quantity := range []int{2, 1, 4} {
			s.place(t, customer, "wait=10", p.ID, quantity).MustBe(t, http.StatusCreated)
		}
		s.mustReconcile(t, admin, p)
		// Other messages may still be in delivery.
		eventually(t, "the audit finds nothing", func() bool { return s.audit(t, "--grace", "0s").OK })
	})
	t.Run("the console shows who has placed the orders", func(t *testing.T) {
		if containers != nil {
			t.Skip("NOT CHECKED: this console needs its link, which TestComposeConsole opens")
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Console.URL+"/trail?resource=order", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		page, err := io.ReadAll(response.Body)
		if err != nil || !bytes.Contains(page, []byte("order-place")) || !bytes.Contains(page, []byte(`href="/orders?id=`)) {
			t.Errorf("status %d, %v: the page has no order\n%s", response.StatusCode, err, page)
		}
	})
	t.Run("a synthetic order is confirmed and cancelled without a change of the stock", func(t *testing.T) {
		if containers != nil {
			t.Skip("NOT CHECKED: the program runs in a container here, without this environment")
		}
		admin, customer := s.admin(t), s.customer(t)
		p := s.mustCreateProduct(t, admin, customer, 3)
		out, err := s.syntheticOrder(t, p.ID, 4)
		if err != nil {
			t.Fatalf("souk synthetic-order: %v\n%s", err, out)
		}
		if n := bytes.Count(out, []byte(`"message":"the synthetic order ended","outcome":"succeeded"`)); n != 4 {
			t.Errorf("%d orders succeeded, want 4:\n%s", n, out)
		}
		eventually(t, "all stock is available again", func() bool { return s.mustGetProduct(t, p.ID).Available == 3 })
		if out, err = s.syntheticOrder(t, uuid.New(), 1); err == nil || !bytes.Contains(out, []byte(`"outcome":"failed"`)) {
			t.Errorf("an order of a missing product ended with %v:\n%s", err, out)
		}
	})
	t.Run("a poison message becomes a dead letter that can be shown and discarded", func(t *testing.T) {
		id := mustPublishPoison(t, client)
		eventually(t, "it is listed", func() bool { return s.deadLetters(t)[deadLetters] == 1 })
		var message struct {
			ID         string
			Deliveries int
			Attributes map[string]string
		}
		shown := s.souk(t, "deadletters", "show", poisoned)
		if err := json.Unmarshal(shown, &message); err != nil {
			t.Fatalf("%v: %s", err, shown)
		}
		if message.Attributes["id"] != id.String() || message.Deliveries != 5 ||
			message.Attributes["CloudPubSubDeadLetterSourceSubscription"] != poisoned ||
			message.Attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] != s.PubSub.Project {
			t.Errorf("got %s", shown)
		}
		log := filepath.Join(s.folder(t), "actions.log")
		s.souk(t, "deadletters", "discard", poisoned, "--id", message.ID, "--reason", "no such order", "--as", "amira", "--log", log)
		if n := s.deadLetters(t)[deadLetters]; n != 0 {
			t.Errorf("%d dead letters remain", n)
		}
		requireLine(t, log, `"action":"deadletter-discard"`, `"who":"amira"`, `"why":"no such order"`, id.String())
	})
	t.Run("an audit reports corrupted data and fails", func(t *testing.T) {
		// Events of orders that must be paid have the total as well: other checks would find these, of
		// other tests in Docker Compose, too.
		s.mustExec(t, "order", `UPDATE orders SET total_amount = total_amount + 1 WHERE payment = 'none'`)
		defer s.mustExec(t, "order", `UPDATE orders SET total_amount = total_amount - 1 WHERE payment = 'none'`)
		report := s.audit(t)
		if report.OK {
			t.Error("the report has no error")
		}
		for _, check := range report.Checks {
			if (check.Count > 0) != (check.Check == "order-total") {
				t.Errorf("%+v", check)
			}
		}
	})
}

// syntheticOrder runs souk synthetic-order with the environment of the Cloud Run job.
func (s *system) syntheticOrder(t *testing.T, product uuid.UUID, orders int) ([]byte, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(programs, "souk"), "synthetic-order", "--orders", strconv.Itoa(orders))
	command.Env = []string{
		"SHOP_URL=" + s.Gateway, "SYNTHETIC_EMAIL=" + s.Customer.Email, "SYNTHETIC_PASSWORD=" + s.Customer.Password, "SYNTHETIC_PRODUCT=" + product.String(),
	}
	return command.Output()
}

// mustPublishPoison reduces the retries of a subscription, and publishes an event that its
// function cannot process.
func mustPublishPoison(t *testing.T, client *pubsub.Client) uuid.UUID {
	t.Helper()
	project := "projects/" + client.Project()
	_, err := client.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
		Subscription: &pb.Subscription{
			Name:        project + "/subscriptions/" + poisoned,
			RetryPolicy: &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Millisecond), MaximumBackoff: durationpb.New(time.Millisecond)},
			DeadLetterPolicy: &pb.DeadLetterPolicy{
				DeadLetterTopic: project + "/topics/" + deadLetters, MaxDeliveryAttempts: 5,
			},
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"retry_policy", "dead_letter_policy"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := event.Event{
		ID: uuid.New(), Type: "stock-reserved", Time: time.Now(), AggregateType: "order", AggregateID: uuid.New(),
	}
	_, err = client.TopicAdminClient.Publish(t.Context(), &pb.PublishRequest{
		Topic: project + "/topics/stock-reserved",
		Messages: []*pb.PubsubMessage{{
			Data: []byte(`{"orderId": "` + e.AggregateID.String() + `"}`), Attributes: e.Attributes(),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// deadLetters returns the number of dead letters by subscription.
func (s *system) deadLetters(t *testing.T) map[string]int {
	t.Helper()
	var list []struct {
		Subscription string
		Messages     int
	}
	if err := json.Unmarshal(s.souk(t, "deadletters", "list", "--json"), &list); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, l := range list {
		counts[l.Subscription] = l.Messages
	}
	return counts
}

type auditReport struct {
	OK       bool
	Provider struct {
		Checked  bool
		Payments int
	}
	Money  []struct{ Provider int64 }
	Checks []struct {
		Check    string
		Count    int
		Examples []struct{ Subject, Detail string }
	}
}

// audit runs souk audit and requires an exit code that matches the report.
func (s *system) audit(t *testing.T, flags ...string) (report auditReport) {
	t.Helper()
	command, cancel := s.command(append([]string{"audit", "--json"}, flags...)...)
	defer cancel()
	out, err := command.Output()
	if jsonErr := json.Unmarshal(out, &report); jsonErr != nil {
		t.Fatalf("%v, %v: %s", err, jsonErr, out)
	}
	if code := command.ProcessState.ExitCode(); report.OK != (code == 0) || code > 1 {
		t.Fatalf("exit code %d for %s", code, out)
	}
	return report
}

// mustExec executes a statement in a service's database.
func (s *system) mustExec(t *testing.T, service, statement string) {
	t.Helper()
	db := s.mustOpenDatabase(t, service)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// mustOpenDatabase opens a service's database as the server's administrator.
func (s *system) mustOpenDatabase(t *testing.T, service string) *sql.DB {
	t.Helper()
	cfg, err := database.ParseURL(s.Database.DSN)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DBName = s.Database.Names[service]
	connector, err := database.Connector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

// requireLine requires that a file has one line, which contains all texts.
func requireLine(t *testing.T, path string, texts ...string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(content, []byte("\n")) != 1 {
		t.Errorf("want one line: %s", content)
	}
	for _, text := range texts {
		if !strings.Contains(string(content), text) {
			t.Errorf("%s is missing in %s", text, content)
		}
	}
}
