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
	// MustFill leaves a directory with one undelivered message.
	MustFill := func(t *testing.T) (dir, journal, subscription, id string) {
		t.Helper()
		dir = t.TempDir()
		b, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		c := MustConnect(t, b.Addr())
		topic := c.MustTopic(t)
		subscription = c.MustSubscribe(t, topic)
		id = c.MustPublish(t, topic, text("kept"))
		MustClose(t, b)
		return dir, filepath.Join(dir, "journal.jsonl"), subscription, id
	}
	t.Run("torn last line is dropped", func(t *testing.T) {
		t.Parallel()
		dir, journal, subscription, id := MustFill(t)
		MustAppend(t, journal, `{"message":{"id":"99","da`)
		for range 2 { // the second start must find it repaired
			b, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if got := MustConnect(t, b.Addr()).MustPull(t, subscription).GetMessage().GetMessageId(); got != id {
				t.Errorf("pulled %s, want %s", got, id)
			}
			MustClose(t, b)
		}
	})
	for name, line := range map[string]string{
		"broken line": `{"message":{"id":"99","da`, "unknown record": `{"surprise":{}}`, "empty record": `{}`, "no JSON": "\x00\x00",
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			t.Parallel()
			dir, journal, _, _ := MustFill(t)
			MustAppend(t, journal, line+"\n{\"topicDeleted\":\"t\"}\n")
			_, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), "journal.jsonl, line 5") {
				t.Errorf("error = %v, want one that names file and line", err)
			}
		})
	}
	t.Run("file of something else is an error", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		MustAppend(t, filepath.Join(dir, "journal.jsonl"), "{\"topicDeleted\":\"t\"}\n")
		if _, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir}); err == nil {
			t.Error("a journal without a header was accepted")
		}
	})
	t.Run("directory belongs to one broker", func(t *testing.T) {
		t.Parallel()
		dir, _, _, _ := MustFill(t)
		MustStart(t, pubsub.Options{Dir: dir})
		if _, err := pubsub.Start(t.Context(), pubsub.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another broker") {
			t.Errorf("error = %v, want one that says that another broker is there", err)
		}
	})
	t.Run("is readable by its owner only", func(t *testing.T) {
		t.Parallel()
		_, journal, _, _ := MustFill(t)
		info, err := os.Stat(journal)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode = %v, want 0600: messages hold personal data", info.Mode().Perm())
		}
	})
}

// MustAppend writes to the end of a file.
func MustAppend(t *testing.T, path, text string) {
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
