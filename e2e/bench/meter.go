package main

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

const (
	quietPoll = 50 * time.Millisecond
	// quietFor is how long no row is written until the system is considered idle.
	quietFor = 500 * time.Millisecond
	// quietTimeout bounds the wait for it.
	quietTimeout = 2 * time.Minute
)

// meter reads counters of the database server, and CPU times.
type meter struct {
	db                   *sql.DB
	databasePID, soukPID int
	// polls is the number of statements that the meter has sent.
	polls float64
}

// reading has the counters at one time.
type reading struct {
	at time.Time
	// statements are those of clients, without preparations; commits are transactions in the
	// binary log, syncs the groups in which they were synced to the disk.
	statements, commits, syncs, writes float64
	cpu                                cpu
}

func (r reading) minus(o reading) reading {
	return reading{
		statements: r.statements - o.statements, commits: r.commits - o.commits, syncs: r.syncs - o.syncs,
		writes: r.writes - o.writes, cpu: r.cpu.minus(o.cpu),
	}
}

// read reads all counters. Statements of the meter itself are not counted.
func (m *meter) read(ctx context.Context) (reading, error) {
	m.polls++
	rows, err := m.db.QueryContext(ctx, `SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Binlog_commits',
		'Binlog_group_commits', 'Com_insert', 'Com_update', 'Com_delete')`)
	if err != nil {
		return reading{}, fmt.Errorf("read the counters of the server: %w", err)
	}
	defer rows.Close()
	counters := map[string]float64{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return reading{}, fmt.Errorf("read the counters of the server: %w", err)
		}
		if counters[name], err = strconv.ParseFloat(text, 64); err != nil {
			return reading{}, fmt.Errorf("read the counter %s: %w", name, err)
		}
	}
	if err := rows.Err(); err != nil {
		return reading{}, fmt.Errorf("read the counters of the server: %w", err)
	}
	spent, err := readCPU(m.databasePID, m.soukPID)
	return reading{
		at: time.Now(), statements: counters["Questions"] - m.polls, commits: counters["Binlog_commits"],
		syncs:  counters["Binlog_group_commits"],
		writes: counters["Com_insert"] + counters["Com_update"] + counters["Com_delete"],
		cpu:    spent,
	}, err
}

// quiet waits until no row has been written for quietFor, and returns the reading of the last
// change: events and mails of the work have then been processed.
func (m *meter) quiet(ctx context.Context) (reading, error) {
	ctx, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	poll := time.NewTicker(quietPoll)
	defer poll.Stop()
	last, err := m.read(ctx)
	if err != nil {
		return reading{}, err
	}
	for {
		select {
		case <-ctx.Done():
			return reading{}, fmt.Errorf("wait until no rows are written: %w", ctx.Err())
		case <-poll.C:
		}
		next, err := m.read(ctx)
		if err != nil {
			return reading{}, err
		}
		if next.writes != last.writes {
			last = next
		} else if next.at.Sub(last.at) >= quietFor {
			return last, nil
		}
	}
}
