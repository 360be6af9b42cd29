package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lockFile = "souk.lock"

	// spareBytes is the free disk space required for logs and undelivered messages. It is
	// checked early, because a full disk causes obscure errors later. The database checks
	// the space for its own files.
	spareBytes = 32 << 20
)

// lockPoll is how often a lock that another process has is tried again.
const lockPoll = 20 * time.Millisecond

// holder is the content of the lock file: the process that holds the lock.
type holder struct {
	PID int `json:"pid"`
	// Control is the path of its control socket.
	Control string `json:"control"`
}

// state is the folder with the persistent files of a system, and the lock that allows one
// system at a time.
type state struct {
	path string
	lock *os.File
}

// openState creates the folder if it is missing and locks it.
func openState(path string) (*state, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("resolve the state directory %s: %w", path, err)
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return nil, fmt.Errorf("create the state directory: %w", err)
	}
	s := &state{path: absolute}
	if err := s.checkSpace(spareBytes); err != nil {
		return nil, err
	}
	return s, s.takeLock()
}

func (s *state) file(name string) string { return filepath.Join(s.path, name) }

func (s *state) checkSpace(need uint64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(s.path, &disk); err != nil {
		return fmt.Errorf("read the free space of %s: %w", s.path, err)
	}
	free := disk.Bavail * uint64(disk.Bsize)
	if free < need {
		return fmt.Errorf("the disk of %s has %d MB free, and a system needs %d MB: %w", s.path, free>>20, need>>20, syscall.ENOSPC)
	}
	return nil
}

// takeLock locks the folder. The kernel releases the lock when the process ends, even by
// SIGKILL. Child processes do not inherit it.
func (s *state) takeLock() error {
	lock, err := os.OpenFile(s.file(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the lock of %s: %w", s.path, err)
	}
	if err := tryLock(lock); err != nil {
		defer lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", lock.Name(), err)
		}
		by := "another process"
		if h, err := readHolder(lock); err == nil {
			by = fmt.Sprintf("process %d", h.PID)
		}
		return advise(fmt.Errorf("a system is already running in %s: %s", s.path, by),
			"Stop it with: souk down --state-dir %s\nOr start another one beside it: souk up --state-dir .souk-2 --port 8081", s.path)
	}
	s.lock = lock
	return nil
}

// tryLock acquires the lock, or fails if another system has it. It retries for a moment,
// because findHolder also locks the file for some microseconds.
func tryLock(lock *os.File) error {
	var err error
	for range 10 {
		if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		time.Sleep(lockPoll)
	}
	return err
}

// announce writes the holder to the lock file.
func (s *state) announce(h holder) error {
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode the lock file: %w", err)
	}
	if err := s.lock.Truncate(0); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	if _, err := s.lock.WriteAt(append(text, '\n'), 0); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	return nil
}

// release empties the lock file and releases the lock.
func (s *state) release() error {
	return errors.Join(s.lock.Truncate(0), s.lock.Close())
}

func readHolder(lock *os.File) (holder, error) {
	var h holder
	text, err := io.ReadAll(io.NewSectionReader(lock, 0, 1<<16))
	if err != nil {
		return h, fmt.Errorf("read the lock file: %w", err)
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, fmt.Errorf("read the lock file: %w", err)
	}
	return h, nil
}

// writeFile replaces a file of secrets atomically: after a crash it has the old or the new
// content.
func (s *state) writeFile(name string, text []byte) error {
	temporary, err := os.CreateTemp(s.path, name+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), s.file(name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(temporary.Name()))
	}
	return nil
}
