package pubsub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	journalFile    = "journal.jsonl"
	lockFile       = "lock"
	journalVersion = 1
	// compactFloor is the size in bytes below which compacting is not worth it.
	compactFloor = 8 << 20
	// compactGrowth is how many times its compacted size the journal may grow to.
	compactGrowth = 4
)

// journal is an append-only file of records, one JSON object a line. It
// survives the end of the process, however sudden; it does not sync, so a
// machine that loses power may lose the last moments.
//
// Its user holds the lock.
type journal struct {
	dir       string
	file      *os.File
	lock      *os.File
	log       *slog.Logger
	size      int64
	compactAt int64
	// broken is set when the file's end could not be repaired after a failed
	// write: whatever came after it would be unreadable.
	broken error
}

// openJournal claims dir and hands every record of its journal to apply. A last
// line that a killed process left unfinished is dropped: nobody was told that it
// was kept. Anything else that can't be read is an error.
func openJournal(dir string, log *slog.Logger, apply func(record) error) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the journal: %w", err)
	}
	lock, err := claim(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	j := &journal{dir: dir, lock: lock, log: log}
	if err := j.replay(apply); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

// claim makes sure that one process alone writes here. The system gives the
// lock back when the process ends, even by SIGKILL.
func claim(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the journal: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: another broker uses this directory: %w", path, err), lock.Close())
	}
	return lock, nil
}

func (j *journal) path() string { return filepath.Join(j.dir, journalFile) }

func (j *journal) replay(apply func(record) error) error {
	text, err := os.ReadFile(j.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	for number := 1; len(text) > 0; number++ {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			j.log.Warn("the journal ends in an unfinished record, dropped", "file", j.path(), "bytes", len(line))
			return nil
		}
		if err := replayLine(number, line, apply); err != nil {
			return fmt.Errorf("journal %s, line %d: %w (repair it, or remove it and lose what was undelivered)", j.path(), number, err)
		}
		text = rest
	}
	return nil
}

func replayLine(number int, line []byte, apply func(record) error) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var r record
	if err := decoder.Decode(&r); err != nil {
		return err
	}
	if number == 1 && (r.Header == nil || r.Header.Version != journalVersion) {
		return fmt.Errorf("is no header of version %d", journalVersion)
	}
	return apply(r)
}

// compact replaces the file by the records given, the shortest way to tell
// the same. The old file stays if that fails.
func (j *journal) compact(records []record) error {
	var text bytes.Buffer
	if err := encode(&text, records); err != nil {
		return err
	}
	draft, err := os.OpenFile(j.path()+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("compact the journal: %w", err)
	}
	_, err = draft.Write(text.Bytes())
	if err == nil {
		err = os.Rename(draft.Name(), j.path())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("compact the journal: %w", err), draft.Close())
	}
	if j.file != nil {
		if err := j.file.Close(); err != nil {
			j.log.Warn("close the journal before its compaction", "error", err)
		}
	}
	j.file, j.broken = draft, nil
	j.size = int64(text.Len())
	j.compactAt = max(compactFloor, j.size*compactGrowth)
	return nil
}

// append adds records, all or none.
func (j *journal) append(records ...record) error {
	if j.broken != nil {
		return j.broken
	}
	var text bytes.Buffer
	if err := encode(&text, records); err != nil {
		return err
	}
	_, err := j.file.Write(text.Bytes())
	if err == nil {
		j.size += int64(text.Len())
		return nil
	}
	err = fmt.Errorf("write to the journal: %w", err)
	// Take back what was written in part, or the next record would follow it.
	_, seekErr := j.file.Seek(j.size, io.SeekStart)
	if repair := errors.Join(j.file.Truncate(j.size), seekErr); repair != nil {
		j.broken = errors.Join(err, fmt.Errorf("repair its end: %w", repair))
	}
	return err
}

// outgrown tells that it is time to compact.
func (j *journal) outgrown() bool { return j.size >= j.compactAt }

func (j *journal) close() error { return errors.Join(j.file.Close(), j.lock.Close()) }

func encode(w io.Writer, records []record) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, r := range records {
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("encode a record of the journal: %w", err)
		}
	}
	return nil
}
