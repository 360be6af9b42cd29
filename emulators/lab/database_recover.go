package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// kill kills the server during writes. It is started again, and must have every order that was
// acknowledged.
func (x *databaseRun) kill(ctx context.Context) (err error) {
	x.progress("the server is killed during writes")
	pid, err := x.pid(ctx)
	if err != nil {
		return err
	}
	db, err := x.primary.open(databaseName, 4)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	before := count(ctx, x.primary)
	writing, stop := context.WithCancel(ctx)
	defer stop()
	var result written
	var writers sync.WaitGroup
	writers.Go(func() { result = write(writing, db, 4, time.Minute, anyProduct) })
	defer writers.Wait()
	if err := until(ctx, time.Minute, "orders are written", func() (bool, error) { return count(ctx, x.primary) > before+20, nil }); err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	killed := time.Now()
	if err := until(ctx, time.Minute, "the server is back", func() (bool, error) { return count(ctx, x.primary) >= 0, nil }); err != nil {
		return err
	}
	outage := time.Since(killed)
	goal := count(ctx, x.primary) + 20
	if err := until(ctx, time.Minute, "orders are written again", func() (bool, error) { return count(ctx, x.primary) > goal, nil }); err != nil {
		return err
	}
	stop()
	writers.Wait()
	after := count(ctx, x.primary)
	x.report.count(after-before >= result.committed, "every acknowledged order is there after a kill: %d acknowledged, %d in the table", result.committed, after-before)
	x.report.find("Killed in the middle of writes, the server was back after %.1f s and had all %d orders that it had acknowledged; %d attempts failed meanwhile. "+
		"A commit whose response is lost may have happened: Souk does not repeat it blindly, the key of the request decides.", outage.Seconds(), result.committed, result.failed)
	return nil
}

// pid returns the process id of the primary.
func (x *databaseRun) pid(ctx context.Context) (int, error) {
	var file, folder string
	if err := x.primary.db.QueryRowContext(ctx, "SELECT @@pid_file, @@datadir").Scan(&file, &folder); err != nil {
		return 0, fmt.Errorf("find the server's process: %w", err)
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(folder, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("find the server's process: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("find the server's process: %w", err)
	}
	return pid, nil
}

// recover deletes all orders, and brings them back on a new server, from the binary log up to
// the moment before.
func (x *databaseRun) recover(ctx context.Context) (err error) {
	if !x.canReplicate("point-in-time recovery") {
		return nil
	}
	x.progress("all orders are deleted by mistake")
	before := count(ctx, x.primary)
	moment, err := binlogPosition(ctx, x.primary.db)
	if err != nil {
		return err
	}
	if err := execute(ctx, x.primary.db, "DELETE FROM orders", "INSERT INTO event (payload) VALUES ('after the damage')"); err != nil {
		return err
	}
	damaged := count(ctx, x.primary)
	begin := time.Now()
	restored, err := x.follow(ctx, 3, moment)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restored.close(ctx)) }()
	if err := until(ctx, 2*time.Minute, "the orders are restored", func() (bool, error) { return count(ctx, restored) >= before, nil }); err != nil {
		return err
	}
	took := time.Since(begin)
	var late int
	err = restored.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+databaseName+".event WHERE payload = 'after the damage'").Scan(&late)
	if err != nil {
		return fmt.Errorf("read the restored database: %w", err)
	}
	after := count(ctx, restored)
	table := Table{Title: "Recovery to the moment before all orders were deleted", Columns: []string{"orders before", "after the damage", "restored", "took"}}
	table.Add(before, damaged, after, took.Round(100*time.Millisecond))
	x.report.Tables = append(x.report.Tables, table)
	x.report.count(after == before && damaged == 0 && late == 0, "the restored database is that of the moment before: %d of %d orders, and nothing later", after, before)
	x.report.find("A new server was brought to the moment before the damage from the binary log, in %.1f s for %d orders, while the damaged one went on: "+
		"deploy/restore does so in the cloud, from a backup and the log after it.", took.Seconds(), after)
	return nil
}
