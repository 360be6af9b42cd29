package database

import "slices"

// insertMissingTries is how often InsertMissing inserts the keys that were not found: another
// transaction may insert one of them in the meantime.
const insertMissingTries = 3

// InsertMissing inserts the rows of those keys that do not exist, and returns the set of these keys.
// insert inserts rows with one statement, which has no effect if one exists. existing returns the
// keys that exist, by a locking read, which sees what other transactions have committed. If no key
// exists, which is the usual case, insert is the only statement.
//
// The keys are distinct and in a fixed order, so that concurrent transactions do not deadlock.
func InsertMissing[K comparable](keys []K, insert func([]K) error, existing func([]K) (map[K]bool, error)) (map[K]bool, error) {
	inserted := map[K]bool{}
	for try := 1; len(keys) > 0; try++ {
		err := insert(keys)
		if !IsDuplicate(err) || try == insertMissingTries {
			for _, key := range keys {
				inserted[key] = true
			}
			return inserted, err
		}
		if len(keys) == 1 {
			break
		}
		exists, err := existing(keys)
		if err != nil {
			return nil, err
		}
		keys = slices.DeleteFunc(slices.Clone(keys), func(key K) bool { return exists[key] })
	}
	return inserted, nil
}
