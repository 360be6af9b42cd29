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
	// compactFloor is the size in bytes below which the journal is not compacted.
	compactFloor = 8 << 20
	// compactGrowth is the factor of its compacted size to which the journal may grow.
	compactGrowth = 4
	// maxBuffer is the size in bytes of the largest buffer that is reused.
	maxBuffer = 64 << 10
)

// journal is an append-only file of records, one JSON object a line. It survives
// a kill of the process; it does not sync, so a machine that loses power may lose
// the last records.
//
// Callers must hold the broker's lock.
type journal struct {
	dir       string
	file      *os.File
	lock      *os.File
	log       *slog.Logger
	size      int64
	compactAt int64
	// broken is set when the end of the file could not be repaired after a failed
	// write: any record after it would be unreadable.
	broken error
	// buffer is reused for the text of records.
	buffer []byte
}

// openJournal locks dir and passes every record of its journal to apply. It drops an
// incomplete last line of a killed process, which was never acknowledged to a client.
// Any other unreadable line is an error.
func openJournal(dir string, log *slog.Logger, apply func(record) error) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory of the journal: %w", err)
	}
	lock, err := acquireLock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	j := &journal{dir: dir, lock: lock, log: log}
	if err := j.replay(apply); err != nil {
		return nil, errors.Join(err, releaseLock(lock))
	}
	return j, nil
}

// acquireLock ensures that only one process writes to the directory. The operating
// system releases the lock when the process ends, even by SIGKILL.
func acquireLock(path string) (*os.File, error) {
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
		line, remaining, complete := bytes.Cut(text, []byte("\n"))
		if !complete {
			j.log.Warn("drop the incomplete last record of the journal", "file", j.path(), "bytes", len(line))
			return nil
		}
		if err := replayLine(number, line, apply); err != nil {
			return fmt.Errorf("journal %s, line %d: %w (repair it, or remove it and lose its undelivered messages)", j.path(), number, err)
		}
		text = remaining
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
		return fmt.Errorf("not a header of version %d", journalVersion)
	}
	return apply(r)
}

// compact replaces the file by the given records, which describe the same state. If
// that fails, the old file stays.
func (j *journal) compact(records []record) error {
	text, err := encode(nil, records)
	if err != nil {
		return err
	}
	draft, err := os.OpenFile(j.path()+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("compact the journal: %w", err)
	}
	_, err = draft.Write(text)
	if err == nil {
		err = os.Rename(draft.Name(), j.path())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("compact the journal: %w", err), draft.Close())
	}
	if j.file != nil {
		if err := j.file.Close(); err != nil {
			j.log.Warn("close the journal after its compaction", "error", err)
		}
	}
	j.file, j.broken = draft, nil
	j.size = int64(len(text))
	j.compactAt = max(compactFloor, j.size*compactGrowth)
	return nil
}

// append writes records, all or none.
func (j *journal) append(records ...record) error {
	if j.broken != nil {
		return j.broken
	}
	text, err := encode(j.buffer[:0], records)
	if err != nil {
		return err
	}
	if cap(text) <= maxBuffer {
		j.buffer = text
	}
	_, err = j.file.Write(text)
	if err == nil {
		j.size += int64(len(text))
		return nil
	}
	err = fmt.Errorf("write to the journal: %w", err)
	// Remove a partial write, or the next record would follow it.
	_, seekErr := j.file.Seek(j.size, io.SeekStart)
	if repair := errors.Join(j.file.Truncate(j.size), seekErr); repair != nil {
		j.broken = errors.Join(err, fmt.Errorf("repair its end: %w", repair))
	}
	return err
}

// outgrown reports whether the journal should be compacted.
func (j *journal) outgrown() bool { return j.size >= j.compactAt }

func (j *journal) close() error { return errors.Join(j.file.Close(), releaseLock(j.lock)) }

// releaseLock unlocks explicitly: a process that is being forked has a copy of the file
// descriptor until its exec, which would hold the lock beyond Close.
func releaseLock(lock *os.File) error {
	return errors.Join(unix.Flock(int(lock.Fd()), unix.LOCK_UN), lock.Close())
}

// encode appends records as lines.
func encode(b []byte, records []record) (text []byte, err error) {
	for _, r := range records {
		if b, err = appendRecord(b, r); err != nil {
			return nil, err
		}
	}
	return b, nil
}
