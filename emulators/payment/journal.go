package payment

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
	"sync"

	"golang.org/x/sys/unix"
)

const (
	journalFile    = "payments.jsonl"
	lockFile       = "lock"
	journalVersion = 1
)

var errClosed = errors.New("the journal of payments is closed")

// header is the first record.
type header struct {
	Version int `json:"version"`
}

// journal is an append-only file of records, one JSON object a line.
type journal struct {
	file, lock *os.File

	mu      sync.Mutex // of the fields below
	size    int64
	synced  int64
	syncing sync.Mutex // held during a sync; acquired before mu
	// broken is set when the end of the file is unknown: after a failed sync, or a failed
	// write that could not be undone.
	broken error
}

// openJournal locks dir and passes every record of its journal to apply. An incomplete last
// line is removed: its change was never acknowledged. Any other unreadable line is an error.
func openJournal(dir string, log *slog.Logger, apply func(record) error) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory of the journal: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the journal: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: another provider uses this directory: %w", lock.Name(), err), lock.Close())
	}
	j := &journal{lock: lock}
	if err := j.open(filepath.Join(dir, journalFile), log, apply); err != nil {
		return nil, errors.Join(err, j.release())
	}
	return j, nil
}

func (j *journal) open(path string, log *slog.Logger, apply func(record) error) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the journal: %w", err)
	}
	complete := bytes.LastIndexByte(text, '\n') + 1
	if complete < len(text) {
		log.Warn("drop the incomplete last record of the journal", "file", path, "bytes", len(text)-complete)
	}
	number := 0
	for line := range bytes.Lines(text[:complete]) {
		number++
		if err := replayLine(number, line, apply); err != nil {
			return fmt.Errorf("journal %s, line %d: %w (repair the file, or remove it and lose all payments)", path, number, err)
		}
	}
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	j.size = int64(complete)
	// What was written before, and perhaps not synced, is synced with the first response.
	err = j.rewind()
	if err == nil && number == 0 {
		err = j.create(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, j.file.Close())
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
	if number > 1 {
		return apply(r)
	}
	if r.Header == nil || r.Header.Version != journalVersion {
		return fmt.Errorf("not a header of version %d", journalVersion)
	}
	return nil
}

// create writes the header, and makes it and the name of the file durable.
func (j *journal) create(dir string) error {
	if err := j.append(record{Header: &header{Version: journalVersion}}); err != nil {
		return err
	}
	if err := j.sync(); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the directory of the journal: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync the directory of the journal: %w", err)
	}
	return nil
}

// rewind removes what follows the last complete record.
func (j *journal) rewind() error {
	_, err := j.file.Seek(j.size, io.SeekStart)
	if err := errors.Join(j.file.Truncate(j.size), err); err != nil {
		return fmt.Errorf("repair the end of the journal: %w", err)
	}
	return nil
}

// append writes a record. Callers must not call it concurrently.
func (j *journal) append(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a record of the journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	if _, err := j.file.Write(append(text, '\n')); err != nil {
		err = fmt.Errorf("write to the journal: %w", err)
		if repair := j.rewind(); repair != nil {
			j.broken = errors.Join(err, repair)
		}
		return err
	}
	j.size += int64(len(text)) + 1
	return nil
}

// sync waits until all records are on the disk. Concurrent callers share syncs: one that waited
// for another's finds its records written, or syncs for all that wait.
func (j *journal) sync() error {
	j.mu.Lock()
	size := j.size
	j.mu.Unlock()
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	written, done, broken := j.size, j.synced >= size, j.broken
	j.mu.Unlock()
	if broken != nil || done {
		return broken
	}
	err := j.file.Sync()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		// What a failed sync has written is unknown, also to a later one that succeeds.
		j.broken = fmt.Errorf("sync the journal: %w", err)
		return j.broken
	}
	j.synced = written
	return nil
}

func (j *journal) close() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if errors.Is(j.broken, errClosed) {
		return errClosed
	}
	err := j.file.Close()
	if j.broken == nil {
		j.broken = errClosed
	} else {
		j.broken = errors.Join(j.broken, errClosed)
	}
	return errors.Join(err, j.release())
}

// release unlocks explicitly: a process that is being forked has a copy of the descriptor until
// its exec.
func (j *journal) release() error {
	return errors.Join(unix.Flock(int(j.lock.Fd()), unix.LOCK_UN), j.lock.Close())
}
