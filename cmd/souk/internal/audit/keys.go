package audit

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// keyCopy is what a service has of an API key.
type keyCopy struct {
	version  int64
	revoked  bool
	grant    string
	storedAt time.Time
}

// same reports whether two services have the same state of a key.
func (k keyCopy) same(other keyCopy) bool {
	return k.version == other.version && k.revoked == other.revoked && k.grant == other.grant
}

// String does not have the hashes of the key's secrets.
func (k keyCopy) String() string {
	if k.revoked {
		return fmt.Sprintf("revoked since version %d", k.version)
	}
	return fmt.Sprintf("valid, of version %d", k.version)
}

// keys compares the API keys of the user service with the copies by which each service verifies them.
func (a *auditor) keys(ctx context.Context) (err error) {
	if a.rows["api_key"], err = a.user.count(ctx, "api_key"); err != nil {
		return err
	}
	managed, err := open(ctx, a.user, func(rows *sql.Rows) (id uuid.UUID, version int64, err error) {
		err = rows.Scan(&id, &version)
		return id, version, err
	}, `SELECT id, version FROM api_key FORCE INDEX (PRIMARY) ORDER BY id`)
	if err != nil {
		return err
	}
	var versions []keyVersion
	if err := each(managed, func(id uuid.UUID, rows []int64) { versions = append(versions, keyVersion{id, rows[0]}) }); err != nil {
		return err
	}
	if err := a.managedKeys(ctx, versions); err != nil {
		return err
	}
	for _, service := range a.services() {
		if service == a.user.service {
			continue
		}
		if err := a.copiedKeys(ctx, a.snapshots[service]); err != nil {
			return err
		}
	}
	return nil
}

// keyVersion is a key of the user service.
type keyVersion struct {
	id      uuid.UUID
	version int64
}

// openKeys begins a stream of a service's copies.
func openKeys(ctx context.Context, from *snapshot) (*stream[keyCopy], error) {
	return open(ctx, from, func(rows *sql.Rows) (id uuid.UUID, k keyCopy, err error) {
		err = rows.Scan(&id, &k.version, &k.revoked, &k.grant, &k.storedAt)
		return id, k, err
	}, `
		SELECT key_id, version, revoked, secret_grant, stored_at
		FROM api_key_replica FORCE INDEX (PRIMARY)
		ORDER BY key_id`)
}

// managedKeys compares the keys that staff sees with those that the user service accepts, which
// are changed by the same transactions.
func (a *auditor) managedKeys(ctx context.Context, versions []keyVersion) error {
	copies, err := openKeys(ctx, a.user)
	if err != nil {
		return err
	}
	shown := map[uuid.UUID]int64{}
	for _, v := range versions {
		shown[v.id] = v.version
	}
	err = each(copies, func(id uuid.UUID, rows []keyCopy) {
		version, exists := shown[id]
		delete(shown, id)
		switch {
		case !exists && !rows[0].revoked:
			a.find(KeyDiffers, about("key", id), "is not listed, but accepted by the user service")
		case exists && (rows[0].revoked || rows[0].version != version):
			a.find(KeyDiffers, about("key", id), "has version %d, but the user service has it as %s", version, rows[0])
		}
	})
	for id, version := range shown {
		a.find(KeyDiffers, about("key", id), "has version %d, but the user service does not know it", version)
	}
	return err
}

// copiedKeys compares the copies of a service with those of the user service.
func (a *auditor) copiedKeys(ctx context.Context, other *snapshot) error {
	own, err := openKeys(ctx, a.user)
	if err != nil {
		return err
	}
	copies, err := openKeys(ctx, other)
	if err != nil {
		own.close()
		return err
	}
	return merge(own, copies, func(id uuid.UUID, own, copies []keyCopy) {
		subject := about("key", id)
		switch {
		case len(own) == 0 && copies[0].revoked: // the services delete what was revoked long ago at different times
		case len(own) == 0:
			a.find(KeyDiffers, subject, "does not exist, but the %s service has it as %s", other.service, copies[0])
		case !a.atRest(own[0].storedAt):
			a.inFlight++
		case len(copies) == 0 && own[0].revoked:
		case len(copies) == 0:
			a.find(KeyDiffers, subject, "is %s, and the %s service does not know it", own[0], other.service)
		case !own[0].same(copies[0]):
			a.find(KeyDiffers, subject, "is %s, but the %s service has it as %s, or with other rights", own[0], other.service, copies[0])
		}
	})
}
