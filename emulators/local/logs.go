package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
)

const (
	functionLog  = "functions.log"
	emulatorLog  = "emulators.log"
	maxLogBytes  = 64 << 20
	previousSign = ".1"
)

// openLogs opens what the functions and what the emulators write to. Warnings of
// the emulators are shown as well.
func (s *System) openLogs() error {
	functions, err := s.openLog(functionLog)
	if err != nil {
		return err
	}
	emulators, err := s.openLog(emulatorLog)
	if err != nil {
		return err
	}
	s.functionLog = functions
	var handler slog.Handler = slog.NewTextHandler(emulators, &slog.HandlerOptions{Level: slog.LevelInfo})
	if s.options.Warnings != nil {
		shown := slog.NewTextHandler(s.options.Warnings, &slog.HandlerOptions{Level: slog.LevelWarn})
		handler = slog.NewMultiHandler(handler, shown)
	}
	s.log = slog.New(handler)
	return nil
}

// openLog opens a log to append to. One that has grown long is put aside first,
// in place of the one that was put aside before.
func (s *System) openLog(name string) (*os.File, error) {
	path := s.state.file(name)
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxLogBytes {
		err = os.Rename(path, path+previousSign)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open the log %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log %s: %w", path, err)
	}
	s.started("log "+name, func(context.Context) error { return file.Close() })
	return file, nil
}
