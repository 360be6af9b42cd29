package mysql

import (
	"fmt"
	"os"
	"strings"
)

// logTail is the number of lines of the server's log in an error.
const logTail = 12

// explain adds the end of the server's log and a hint to err.
func (in *instance) explain(err error) error {
	raw, readErr := os.ReadFile(in.path(logFile))
	if readErr != nil {
		return fmt.Errorf("%w; its log cannot be read: %w", err, readErr)
	}
	log := string(raw)
	if isPortTaken(log) {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return fmt.Errorf("%w; the end of its log, %s:\n%s%s", err, in.path(logFile), lastLines(log), hintFor(log))
}

func isPortTaken(log string) bool {
	return strings.Contains(log, "Bind on TCP/IP port") || strings.Contains(log, "Do you already have another")
}

// hints map texts of MySQL's and MariaDB's logs to advice.
var hints = []struct{ texts, advice string }{
	{"No space left on device|Disk is full|disk full|errno: 28", "the disk is full: delete files, or choose another folder with --state-dir"},
	{"Unable to lock ./ibdata1|Can't lock aria control file", "another server is using this data folder: stop it, or choose another folder with --state-dir"},
	{"Permission denied|Errcode: 13|Access denied to", "the folder belongs to another user: change its owner, or choose another folder with --state-dir"},
	{"Cannot downgrade|Invalid MySQL server downgrade|was created with a newer|upgrade after a crash", "the data was created by a newer server: install that version, or move the data folder away to start with an empty shop"},
	{"Cannot allocate memory|Out of memory", "not enough memory: end other programs"},
	{"corrupt", "the data is damaged: move the data folder away to start with an empty shop, or restore it"},
}

// hintFor returns a line of advice about a log, or an empty string.
func hintFor(log string) string {
	for _, hint := range hints {
		for text := range strings.SplitSeq(hint.texts, "|") {
			if strings.Contains(log, text) {
				return "\nWhat to do: " + hint.advice
			}
		}
	}
	return ""
}
