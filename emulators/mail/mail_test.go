package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souk/shared/config"
	"souk/shared/health"
	"souk/shared/mail"
	"souk/shared/mail/catch"
)

const closeTimeout = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustStart(t *testing.T) *Server {
	t.Helper()
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), closeTimeout)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// mustSend sends a mail with the shop's sender.
func (s *Server) mustSend(t *testing.T, to, subject string) {
	t.Helper()
	sender, err := mail.NewSender(mail.Config{URL: config.NewSecret(s.SMTP()), From: "Souk <shop@souk.test>"})
	if err != nil {
		t.Fatal(err)
	}
	err = sender.Send(t.Context(), mail.Message{ID: "1", ToEmail: to, Content: mail.Content{
		Subject: subject, Text: "text of " + subject, HTML: "<script>alert(1)</script><p>HTML of " + subject + "</p>",
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Server) do(t *testing.T, method, path string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

func (s *Server) mustList(t *testing.T, query string) []message {
	t.Helper()
	status, _, body := s.do(t, http.MethodGet, "/api/messages"+query)
	var list struct{ Items []message }
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK || list.Items == nil {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	return list.Items
}

func TestMail(t *testing.T) {
	s := mustStart(t)
	s.mustSend(t, "Ada@example.com", "Welcome")
	s.mustSend(t, "bob@example.com", "Welcome")
	s.mustSend(t, "ada@example.com", "Your order")

	t.Run("the health check reports ok", func(t *testing.T) {
		if status, _, body := s.do(t, http.MethodGet, health.Path); status != http.StatusOK || body != "ok\n" {
			t.Errorf("status %d: %s", status, body)
		}
	})
	t.Run("messages are listed by recipient and subject, newest first", func(t *testing.T) {
		for query, want := range map[string]string{
			"": "Your order, Welcome, Welcome", "?to=ADA@example.com": "Your order, Welcome", "?to=eve@example.com": "",
			"?subject=welc": "Welcome, Welcome", "?after=2": "Your order", "?to=ada@example.com&subject=order&wait=5": "Your order",
		} {
			var subjects []string
			for _, m := range s.mustList(t, query) {
				subjects = append(subjects, m.Subject)
			}
			if got := strings.Join(subjects, ", "); got != want {
				t.Errorf("%q lists %q, want %q", query, got, want)
			}
		}
	})
	t.Run("a message is available as text, as sandboxed HTML and as source", func(t *testing.T) {
		path := fmt.Sprintf("/api/messages/%d", s.mustList(t, "?to=bob@example.com")[0].ID)
		if _, _, body := s.do(t, http.MethodGet, path); !strings.Contains(body, `"text":"text of Welcome"`) {
			t.Errorf("got %s", body)
		}
		_, header, body := s.do(t, http.MethodGet, path+"/html")
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(body, "<p>HTML of Welcome</p>") || !strings.HasPrefix(policy, "sandbox ") || strings.Contains(policy, "allow-scripts") {
			t.Errorf("got %s with %s", body, policy)
		}
		if _, _, body := s.do(t, http.MethodGet, path+"/source"); !strings.Contains(body, "Auto-Submitted: auto-generated\r\n") {
			t.Errorf("got %s", body)
		}
		if _, _, body := s.do(t, http.MethodGet, "/api/latest?to=ada@example.com"); body != "text of Your order" {
			t.Errorf("got %s", body)
		}
	})
	t.Run("unknown messages and invalid queries are rejected", func(t *testing.T) {
		for path, want := range map[string]int{
			"/api/messages/99": http.StatusNotFound, "/api/messages/x": http.StatusNotFound, "/api/latest?to=eve@example.com": http.StatusNotFound,
			"/api/messages?wait=x": http.StatusBadRequest, "/api/messages?after=-1": http.StatusBadRequest, "/other": http.StatusNotFound,
		} {
			if status, _, body := s.do(t, http.MethodGet, path); status != want {
				t.Errorf("%s responds with %d: %s", path, status, body)
			}
		}
	})
	t.Run("the page loads nothing from other origins", func(t *testing.T) {
		for path, kind := range map[string]string{"/": "text/html", "/page.js": "text/javascript", "/page.css": "text/css"} {
			status, header, body := s.do(t, http.MethodGet, path)
			if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), kind) || strings.Contains(body, "://") {
				t.Errorf("%s responds with %d %s", path, status, header.Get("Content-Type"))
			}
			if !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%s has the policy %q", path, header.Get("Content-Security-Policy"))
			}
		}
	})
	t.Run("a DELETE request removes all messages", func(t *testing.T) {
		if status, _, _ := s.do(t, http.MethodDelete, "/api/messages"); status != http.StatusNoContent {
			t.Errorf("status %d", status)
		}
		if remaining := s.mustList(t, ""); len(remaining) != 0 {
			t.Errorf("%d messages remain", len(remaining))
		}
	})
	t.Run("a new message ends a waiting request", func(t *testing.T) {
		got := make(chan []message, 1)
		go func() {
			defer close(got)
			got <- s.mustList(t, "?to=late@example.com&wait=30")
		}()
		s.mustSend(t, "late@example.com", "Late")
		if found := <-got; len(found) != 1 || found[0].Subject != "Late" {
			t.Errorf("got %+v", found)
		}
	})
}

func TestBox(t *testing.T) {
	t.Parallel()
	b := newBox()
	for range maxLetters + 5 {
		b.put(catch.Letter{Source: []byte("x")}, time.Now())
	}
	found, _, _ := b.find(filter{})
	if len(found) != maxLetters || found[0].ID != maxLetters+5 {
		t.Errorf("%d messages are stored, the newest is %d", len(found), found[0].ID)
	}
	for range 40 {
		b.put(catch.Letter{Source: make([]byte, catch.MaxBytes)}, time.Now())
	}
	if found, _, _ = b.find(filter{}); len(found) != maxBytes/catch.MaxBytes || b.size > maxBytes {
		t.Errorf("%d messages are stored, %d bytes", len(found), b.size)
	}
	b.close()
	if found := b.list(t.Context(), filter{to: "unknown@example.com"}); len(found) != 0 {
		t.Errorf("found %d messages", len(found))
	}
}

// TestCloseAborted closes the server with a context that has ended: only a mail in transfer makes
// this an error.
func TestCloseAborted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		commands []string
		fails    bool
	}{
		"a connection without a mail is no error": {commands: []string{"EHLO client"}},
		"a mail in transfer is an error":          {commands: []string{"EHLO client", "MAIL FROM:<a@souk.test>"}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Start(t.Context(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			host := strings.TrimPrefix(s.SMTP(), "smtp://")
			conn, err := textproto.Dial("tcp", host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, _, err := conn.ReadResponse(220); err != nil {
				t.Fatal(err)
			}
			for _, command := range test.commands {
				if err := conn.PrintfLine("%s", command); err != nil {
					t.Fatal(err)
				}
				if _, _, err := conn.ReadResponse(250); err != nil {
					t.Fatal(err)
				}
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Close(ended); (err != nil) != test.fails {
				t.Errorf("Close returned %v, want an error: %t", err, test.fails)
			}
		})
	}
}
