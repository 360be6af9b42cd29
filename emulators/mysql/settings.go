package mysql

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxConnections leaves room for a pool of 8 in each of some 40 function
// instances, and for tests beside them.
const maxConnections = 400

// arguments are the private server's settings. It reads no settings of the
// machine, keeps to itself, and is small.
func (in *instance) arguments() []string {
	args := append(append(in.baseArguments(in.path(dataFolder)), userArgument("--user")...),
		"--port="+strconv.Itoa(in.state.Port),
		"--bind-address=127.0.0.1",
		// Relative to the data folder: a path as long as some state folders' does
		// not fit into a socket's address.
		"--socket=mysqld.sock",
		"--pid-file=mysqld.pid",
		"--log-error="+in.path(logFile),
		"--init-file="+in.path(initFile),
		"--skip-name-resolve",
		"--local-infile=OFF",
		"--max-connections="+strconv.Itoa(maxConnections),
		"--table-open-cache=800",
		"--innodb-buffer-pool-size=96M",
		"--performance-schema=OFF",
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_unicode_ci",
	)
	if in.program.kind == kindMySQL {
		args = append(args, "--mysqlx=OFF", "--skip-log-bin", "--secure-file-priv=NULL", "--innodb-redo-log-capacity=64M")
	} else {
		args = append(args, "--innodb-log-file-size=48M")
	}
	return append(args, in.durability()...)
}

func (in *instance) durability() []string {
	if in.options.Throwaway {
		return []string{"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--innodb-flush-method=O_DIRECT_NO_FSYNC"}
	}
	// 2 writes the log to the system at each commit and to the disk each second.
	// So a commit survives kill -9 of the server; a power cut may lose the last
	// second, of a laptop's shop, for commits that cost no disk write.
	return []string{"--innodb-flush-log-at-trx-commit=2"}
}

// baseArguments also hold for initializing. --no-defaults must come first.
func (in *instance) baseArguments(data string) []string {
	return []string{
		"--no-defaults", "--datadir=" + data,
		// Not the system's: a starting MariaDB removes the temporary tables it finds
		// there, also those of another server at work.
		"--tmpdir=" + in.tmpdir(),
	}
}

// tmpdir returns the folder for temporary files. MariaDB's script that initializes a
// data folder splits it at blanks, and the server takes a colon for the separator of a
// list: so MariaDB gets it relative to the data folder, which is its working directory.
func (in *instance) tmpdir() string {
	if in.program.kind == kindMariaDB {
		return filepath.Join("..", tmpFolder)
	}
	return in.path(tmpFolder)
}

// userArgument lets a server run as root, which it refuses otherwise. Another user
// could not reach a state folder below root's home.
func userArgument(option string) []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{option + "=root"}
}

// initSQL leaves one way in: the administrator with its password. A statement a
// line, as MariaDB wants it.
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
