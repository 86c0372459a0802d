package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// initialise creates the file, sets its journal mode, which the file remembers,
// and writes the schema. Any number of processes may do so at once: locks order
// them, and those that come later find the work done.
func (x *Index) initialise(ctx context.Context) error {
	if err := x.create(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", x.dsn())
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA journal_mode = "+x.mode); err != nil {
		return err
	}
	mode, err := journal(ctx, conn)
	if err != nil {
		return err
	}
	if mode == modeWAL && x.mode != modeWAL {
		return fmt.Errorf("the journal cannot be changed to the safe mode: %w", ErrBusy)
	}
	return createSchema(ctx, conn, time.Now())
}

// create makes an empty file where there is none.
//
// Somebody may have deleted index.db but not index.db-wal and index.db-shm,
// while a process that has not noticed yet still uses them. A new database
// would be mixed up with the old one through these files, and lose rows. So
// they are unlinked first, under a lock that keeps anyone else from creating
// the database, and files of the same names, meanwhile.
//
// The file is as private as the directory, whatever the umask: its owner's, and
// its group's if they may use the directory. SQLite makes the files beside it
// alike. Where root runs mirrorctl, the file still goes to the directory's owner.
func (x *Index) create() error {
	unlock, err := lockDirectory(x.dir)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(x.path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Remove(x.path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	dir, err := os.Stat(x.dir)
	if err != nil {
		return err
	}
	mode, first := 0o600|dir.Mode()&0o060, os.FileMode(0o600)
	if dir.Mode()&os.ModeSetgid != 0 { // it will be that group's from the start: others of it may come at once
		first = mode
	}
	file, err := os.OpenFile(x.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, first)
	if errors.Is(err, os.ErrExist) {
		return nil // where directories cannot be locked
	}
	if err != nil {
		return err
	}
	owner := dir.Sys().(*syscall.Stat_t)
	if os.Geteuid() == 0 {
		err = file.Chown(int(owner.Uid), int(owner.Gid))
	} else {
		file.Chown(-1, int(owner.Gid)) // succeeds where it matters: in a group of ours
	}
	// To close it drops nobody's locks: SQLite has not opened it yet.
	return errors.Join(err, file.Chmod(mode), file.Close())
}

// lockDirectory keeps other processes from creating the database. It does not
// wait: another's lock counts as SQLite being busy.
//
// NFS cannot lock a directory. There the safe mode is used, which shares no
// files that could be mixed up, and no lock is needed.
func lockDirectory(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		d.Close()
		return nil, err
	}
	return func() { d.Close() }, nil
}
