package cost

import (
	"fmt"
	"regexp"
	"strconv"
)

var customTier = regexp.MustCompile(`^db-custom-([1-9][0-9]*)-([1-9][0-9]*)$`)

// sql is the database: it is paid for by the hour, whether anyone asks it or not.
func (s Shop) sql() ([]quantity, error) {
	db := s.Settings.Database
	if db.Edition != "ENTERPRISE" {
		return nil, fmt.Errorf("database.edition is %s: prices.yaml has prices of ENTERPRISE only", db.Edition)
	}
	instances := 1 + float64(len(db.OwnInstance))
	machines := instances
	if db.Regional {
		machines *= 2
	}
	disks := fmt.Sprintf("%.0f disk(s)", machines)
	if db.Replica {
		machines, disks = machines+1, disks+", 1 of the replica"
	}
	number := fmt.Sprintf("%.0f machine(s)", machines)
	storage := []quantity{
		{"sql-storage", machines * db.DiskGB, fmt.Sprintf("%.0f GiB × %s", db.DiskGB, disks)},
		{"sql-backup", instances * db.DiskGB, "at most the full disk once: later backups hold what changed"},
	}
	if shared, is := map[string]string{"db-f1-micro": "sql-f1-micro", "db-g1-small": "sql-g1-small"}[db.Tier]; is {
		return append([]quantity{{shared, machines * hours, number + " × 730 h"}}, storage...), nil
	}
	form := customTier.FindStringSubmatch(db.Tier)
	if form == nil {
		return nil, fmt.Errorf("database.tier is %s: prices.yaml has prices of db-f1-micro, db-g1-small and db-custom-CPUS-MEMORY_MIB", db.Tier)
	}
	cpus, err1 := strconv.ParseFloat(form[1], 64)
	mib, err2 := strconv.ParseFloat(form[2], 64)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("database.tier is %s: too large", db.Tier)
	}
	return append([]quantity{
		{"sql-cpu", machines * cpus * hours, fmt.Sprintf("%s × %.0f vCPU × 730 h", number, cpus)},
		{"sql-memory", machines * mib / 1024 * hours, fmt.Sprintf("%s × %g GiB × 730 h", number, mib/1024)},
	}, storage...), nil
}
