package index

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
)

// expectKind checks that err is of a kind and says so, and that it names the
// file; "database is locked" it must never say.
func expectKind(t *testing.T, x *Index, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want %v", err, kind)
		return
	}
	text := err.Error()
	if !strings.Contains(text, kind.Error()) || !strings.Contains(text, x.path) || strings.Contains(text, "locked") {
		t.Errorf("the error reads %q", text)
	}
}

func TestCorrupt(t *testing.T) {
	for name, damage := range map[string]func(file []byte){
		"not a database": func(file []byte) { copy(file, "<!DOCTYPE html>") },
		"malformed":      func(file []byte) { clear(file[4096:]) },
		"broken schema":  func(file []byte) { copy(file[100:], bytes.Repeat([]byte{0xFF}, 40)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			x := open(t, dir)
			must(t, x.Publish(t.Context(), []Record{aRecord("a")}))
			must(t, x.Close()) // all is in index.db itself now
			file, err := os.ReadFile(x.path)
			must(t, err)
			damage(file)
			must(t, os.WriteFile(x.path, file, 0o600))

			x = open(t, dir)
			_, _, err = x.File(t.Context(), "a")
			expectKind(t, x, err, ErrCorrupt)
			expectKind(t, x, x.Publish(t.Context(), []Record{aRecord("a")}), ErrCorrupt)
			if !strings.Contains(err.Error(), "no file is lost") || !strings.Contains(err.Error(), "mirrorctl reindex") {
				t.Errorf("the error does not say what to do: %v", err)
			}

			// The remedy works without a restart.
			must(t, os.Remove(x.path))
			must(t, x.Publish(t.Context(), []Record{aRecord("b")}))
			expectFile(t, x, "b", ptr(aRecord("b")))
		})
	}
}

func TestNewer(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	must(t, x.write(t.Context(), "age", false, func(t *transaction) error {
		return t.exec(fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion+1))
	}))
	must(t, x.Close())
	x = open(t, dir)
	_, _, err := x.File(t.Context(), "a")
	expectKind(t, x, err, ErrNewer)
	expectKind(t, x, x.PutPartial(t.Context(), aPartial("a")), ErrNewer)
}

func TestAccess(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/"+FileName, 0o700))
	x := open(t, dir)
	_, _, err := x.File(t.Context(), "a")
	expectKind(t, x, err, ErrAccess)
	expectKind(t, x, x.PutPartial(t.Context(), aPartial("a")), ErrAccess)
}

// limitRole publishes until the kernel refuses to let a file grow, and prints
// the error.
func limitRole(dir string, _ []string) error {
	x, err := Open(dir)
	if err != nil {
		return err
	}
	x.mode = modeWAL
	limit := syscall.Rlimit{Cur: 200 << 10, Max: 200 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for i := 0; ; i++ {
		err := x.Publish(context.Background(), []Record{aRecord(fmt.Sprint(i))})
		if err != nil {
			return errors.Join(err, fmt.Errorf("full: %v, published: %d", errors.Is(err, ErrFull), i))
		}
	}
}

// TestFull meets the limit of the kernel, in another process.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	out, _ := process(t, "limit", dir).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var published int
	if _, err := fmt.Sscanf(lines[len(lines)-1], "full: true, published: %d", &published); err != nil {
		t.Fatalf("the process said %q", out)
	}
	// What was acknowledged before is there, and there is room again.
	x := open(t, dir)
	if got := len(names(t, x, "")); got != published || published == 0 {
		t.Errorf("%d files are recorded, want %d", got, published)
	}
	must(t, x.Publish(t.Context(), []Record{aRecord("after")}))
}

// A caller whose write does not fit does not harm those that share its commit.
func TestFullHarmsNoNeighbour(t *testing.T) {
	x := open(t, t.TempDir())
	must(t, x.Publish(t.Context(), []Record{aRecord("first")}))
	var pages int
	must(t, x.writer.conn.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages))
	_, err := x.writer.conn.ExecContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+8))
	must(t, err)

	big := aRecord("big")
	big.ETag = strings.Repeat("x", 1<<20)
	outcomes := together(t, x, []func() error{
		func() error { return x.Publish(t.Context(), []Record{aRecord("before")}) },
		func() error { return x.Publish(t.Context(), []Record{big}) },
		func() error { return x.Publish(t.Context(), []Record{aRecord("behind")}) },
	})
	must(t, outcomes[0])
	expectKind(t, x, outcomes[1], ErrFull)
	must(t, outcomes[2])
	expectFile(t, x, "before", ptr(aRecord("before")))
	expectFile(t, x, "big", nil)
	expectFile(t, x, "behind", ptr(aRecord("behind")))
}

// hold takes the database for itself, as another process would.
func hold(t *testing.T, x *Index) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite3", x.dsn())
	must(t, err)
	conn, err := db.Conn(t.Context())
	must(t, err)
	_, err = conn.ExecContext(t.Context(), `BEGIN EXCLUSIVE`)
	must(t, err)
	return func() {
		conn.ExecContext(context.Background(), `ROLLBACK`)
		conn.Close()
		db.Close()
	}
}

func TestBusy(t *testing.T) {
	for _, mode := range []string{modeWAL, modeDelete} {
		t.Run(mode, func(t *testing.T) {
			x := openMode(t, t.TempDir(), mode)
			x.patience = 20 * time.Millisecond
			must(t, x.PutPartial(t.Context(), aPartial("a")))
			expectPartial(t, x, "a", ptr(aPartial("a")))
			release := hold(t, x)
			expectKind(t, x, x.DeletePartial(t.Context(), "a"), ErrBusy)
			if mode == modeDelete {
				_, _, err := x.Partial(t.Context(), "a")
				expectKind(t, x, err, ErrBusy)
			}
			release()
			expectPartial(t, x, "a", ptr(aPartial("a")))
			must(t, x.DeletePartial(t.Context(), "a"))
		})
	}
}

func TestExplain(t *testing.T) {
	x := open(t, t.TempDir())
	for _, c := range []struct{ err, kind error }{
		{sqlite3.Error{Code: sqlite3.ErrIoErr}, ErrIO},
		{sqlite3.Error{Code: sqlite3.ErrIoErr, SystemErrno: syscall.ENOSPC}, ErrFull},
		{sqlite3.Error{Code: sqlite3.ErrCantOpen, SystemErrno: syscall.EDQUOT}, ErrFull},
		{sqlite3.Error{Code: sqlite3.ErrCantOpen, SystemErrno: syscall.EACCES}, ErrAccess},
		{sqlite3.Error{Code: sqlite3.ErrReadonly}, ErrAccess},
		{sqlite3.Error{Code: sqlite3.ErrFull}, ErrFull},
		{sqlite3.Error{Code: sqlite3.ErrCorrupt}, ErrCorrupt},
		{sqlite3.Error{Code: sqlite3.ErrNotADB}, ErrCorrupt},
		{sqlite3.Error{Code: sqlite3.ErrBusy, ExtendedCode: sqlite3.ErrBusySnapshot}, ErrBusy},
		{sqlite3.Error{Code: sqlite3.ErrLocked}, ErrBusy},
		{&os.PathError{Op: "open", Path: "d", Err: syscall.EACCES}, ErrAccess},
		{&os.PathError{Op: "open", Path: "d", Err: syscall.ENOSPC}, ErrFull},
		{errRolledBack, errRolledBack},
	} {
		expectKind(t, x, explain(x.path, "try", c.err), c.kind)
	}
}
