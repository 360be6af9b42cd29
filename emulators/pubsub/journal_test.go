package pubsub_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"souk/emulators/pubsub"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	// mustFill returns a directory with one undelivered message.
	mustFill := func(t *testing.T) (dir, journal, subscription, id string) {
		t.Helper()
		dir = t.TempDir()
		b, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		c := mustConnect(t, b.Addr())
		topic := c.mustTopic(t)
		subscription = c.mustSubscribe(t, topic)
		id = c.mustPublish(t, topic, text("stored"))
		mustClose(t, b)
		return dir, filepath.Join(dir, "journal.jsonl"), subscription, id
	}
	t.Run("an incomplete last line is dropped", func(t *testing.T) {
		t.Parallel()
		dir, journal, subscription, id := mustFill(t)
		mustAppend(t, journal, `{"message":{"id":"99","da`)
		for range 2 { // the second start reads the repaired file
			b, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if got := mustConnect(t, b.Addr()).mustPull(t, subscription).GetMessage().GetMessageId(); got != id {
				t.Errorf("pulled %s, want %s", got, id)
			}
			mustClose(t, b)
		}
	})
	for name, line := range map[string]string{
		"broken line": `{"message":{"id":"99","da`, "unknown record": `{"surprise":{}}`, "empty record": `{}`, "no JSON": "\x00\x00",
	} {
		t.Run("a line with "+name+" is an error", func(t *testing.T) {
			t.Parallel()
			dir, journal, _, _ := mustFill(t)
			mustAppend(t, journal, line+"\n{\"topicDeleted\":\"t\"}\n")
			_, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), "journal.jsonl, line 5") {
				t.Errorf("error = %v, want one with file and line", err)
			}
		})
	}
	t.Run("another kind of file is an error", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		mustAppend(t, filepath.Join(dir, "journal.jsonl"), "{\"topicDeleted\":\"t\"}\n")
		if _, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir}); err == nil {
			t.Error("a journal without a header was accepted")
		}
	})
	t.Run("a directory belongs to one broker", func(t *testing.T) {
		t.Parallel()
		dir, _, _, _ := mustFill(t)
		mustStart(t, pubsub.Options{Dir: dir})
		if _, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another broker") {
			t.Errorf("error = %v, want one that reports another broker", err)
		}
	})
	t.Run("the journal is readable by its owner only", func(t *testing.T) {
		t.Parallel()
		_, journal, _, _ := mustFill(t)
		info, err := os.Stat(journal)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode = %v, want 0600: messages hold personal data", info.Mode().Perm())
		}
	})
}

// mustAppend appends text to a file.
func mustAppend(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}
