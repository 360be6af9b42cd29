package mysql

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MaxConnections is the max_connections of a private server: enough for the pools of all
// instances that functions.yaml allows, and for operators and tests.
const MaxConnections = 1200

// arguments returns the private server's settings: independent of the machine's
// configuration, reachable from this machine only, and small.
func (in *instance) arguments() []string {
	args := append(append(in.baseArguments(in.path(dataFolder)), userArgument("--user")...),
		"--port="+strconv.Itoa(in.state.Port),
		"--bind-address=127.0.0.1",
		// Relative to the data folder: the path of some state folders is too long for a socket
		// address.
		"--socket=mysqld.sock",
		"--pid-file=mysqld.pid",
		"--log-error="+in.path(logFile),
		"--init-file="+in.path(initFile),
		"--skip-name-resolve",
		"--local-infile=OFF",
		"--max-connections="+strconv.Itoa(MaxConnections),
		"--table-open-cache=800",
		"--innodb-buffer-pool-size=96M",
		"--performance-schema=OFF",
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_unicode_ci",
	)
	if in.options.ServerID != 0 || in.options.Durable {
		args = append(args, "--log-bin=binlog", "--binlog-format=ROW", "--server-id="+strconv.Itoa(max(in.options.ServerID, 1)))
	} else if in.program.kind == kindMySQL {
		args = append(args, "--skip-log-bin")
	}
	if in.program.kind == kindMySQL {
		args = append(args, "--mysqlx=OFF", "--secure-file-priv=NULL", "--innodb-redo-log-capacity=64M")
	} else {
		args = append(args, "--innodb-log-file-size=48M")
	}
	return append(args, in.durability()...)
}

// durability returns settings of which the last of two with the same name is used.
func (in *instance) durability() []string {
	switch {
	case in.options.Durable:
		args := []string{
			"--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1", "--innodb-doublewrite=ON", "--innodb-buffer-pool-size=1G",
		}
		if in.program.kind == kindMySQL {
			return append(args, "--innodb-redo-log-capacity=512M")
		}
		return append(args, "--innodb-log-file-size=512M")
	case in.options.Throwaway:
		return []string{"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--innodb-flush-method=O_DIRECT_NO_FSYNC"}
	}
	// 2 writes the log to the system at each commit and to the disk each second. A commit
	// survives kill -9 of the server; a power failure may lose the last second, which is
	// acceptable for a local shop and saves a disk write per commit.
	return []string{"--innodb-flush-log-at-trx-commit=2"}
}

// baseArguments returns settings that also apply to initialization. --no-defaults must be
// the first.
func (in *instance) baseArguments(data string) []string {
	return []string{
		"--no-defaults", "--datadir=" + data,
		// Not the system's folder: a starting MariaDB removes temporary tables there, including
		// those of another running server.
		"--tmpdir=" + in.tmpdir(),
	}
}

// tmpdir returns the folder for temporary files. MariaDB's initialization script splits the
// path at spaces, and the server treats a colon as a list separator, so MariaDB gets it
// relative to the data folder, which is its working directory.
func (in *instance) tmpdir() string {
	if in.program.kind == kindMariaDB {
		return filepath.Join("..", tmpFolder)
	}
	return in.path(tmpFolder)
}

// userArgument makes a server run as root, which it refuses by default. Another user could
// not access a state folder below root's home.
func userArgument(option string) []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{option + "=root"}
}

// initSQL returns statements that leave the administrator with its password as the only
// login. MariaDB requires one statement a line.
func initSQL(password string) string {
	account := "'" + adminUser + "'@'127.0.0.1'"
	return strings.Join([]string{
		"CREATE USER IF NOT EXISTS " + account + " IDENTIFIED BY '" + password + "';",
		"ALTER USER " + account + " IDENTIFIED BY '" + password + "';",
		"GRANT ALL PRIVILEGES ON *.* TO " + account + " WITH GRANT OPTION;",
		"ALTER USER 'root'@'localhost' IDENTIFIED BY '" + password + "';",
		"DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost';",
	}, "\n") + "\n"
}
