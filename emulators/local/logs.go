//go:build !container

package local

import (
	"context"
	"io"
	"log/slog"
)

const (
	functionLog = "functions.log"
	emulatorLog = "emulators.log"
	// Limits of the logs. Each takes twice its limit at most.
	maxFunctionLog = 64 << 20
	maxEmulatorLog = 16 << 20
)

// openLogs opens the logs of the functions and the emulators. Warnings of the emulators are
// also written to Options.Warnings.
func (s *System) openLogs() error {
	functions, err := OpenLog(s.state.file(functionLog), maxFunctionLog, nil)
	if err != nil {
		return err
	}
	s.closeLater(functionLog, functions)
	file, err := OpenLog(s.state.file(emulatorLog), maxEmulatorLog, nil)
	if err != nil {
		return err
	}
	emulators := newDelayedLog(file)
	s.closeLater(emulatorLog, emulators)
	s.functionLog = functions
	var handler slog.Handler = slog.NewTextHandler(emulators, &slog.HandlerOptions{Level: slog.LevelInfo})
	if s.options.Warnings != nil {
		shown := slog.NewTextHandler(s.options.Warnings, &slog.HandlerOptions{Level: slog.LevelWarn})
		handler = slog.NewMultiHandler(handler, shown)
	}
	s.log = slog.New(handler)
	return nil
}

func (s *System) closeLater(name string, log io.Closer) {
	s.started("log "+name, func(context.Context) error { return log.Close() })
}
