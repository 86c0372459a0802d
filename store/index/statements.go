package index

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// statements prepares each statement once, when it is first used: a process
// that answers one request pays for what it asks and no more.
//
// No caller's context is passed down to SQLite: a statement takes microseconds,
// and to watch a context meanwhile costs a goroutine, as long again.
type statements struct {
	on interface {
		PrepareContext(context.Context, string) (*sql.Stmt, error)
	}

	mu       sync.Mutex // guards prepared
	prepared map[string]*sql.Stmt
}

// get returns the prepared statement for query. It is safe for concurrent use
// where on is.
func (s *statements) get(query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.prepared[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.on.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	if s.prepared == nil {
		s.prepared = make(map[string]*sql.Stmt)
	}
	s.prepared[query] = stmt
	return stmt, nil
}

// close closes all statements. It precedes the closing of on: a statement left
// open would keep SQLite's connection, with its files and locks, alive.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed []error
	for _, stmt := range s.prepared {
		failed = append(failed, stmt.Close())
	}
	s.prepared = nil
	return errors.Join(failed...)
}

// exec runs a statement.
func (s *statements) exec(query string, args ...any) error {
	_, err := s.result(query, args...)
	return err
}

// execMany runs a statement that has many values: as a query, though it has no rows,
// since of those the driver hands all values to SQLite in one call. With one call each,
// a row of a batch costs a tenth more.
func (s *statements) execMany(query string, args []any) error {
	return s.rows(query, func(scanner) error { return nil }, args...)
}

// result runs a statement and returns what it did.
func (s *statements) result(query string, args ...any) (sql.Result, error) {
	stmt, err := s.get(query)
	if err != nil {
		return nil, err
	}
	return stmt.Exec(args...)
}

// row runs a query for at most one row, and reports whether there was one.
func (s *statements) row(query string, fields []any, args ...any) (bool, error) {
	stmt, err := s.get(query)
	if err != nil {
		return false, err
	}
	err = stmt.QueryRow(args...).Scan(fields...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// A scanner stores the columns of one row.
type scanner func(fields ...any) error

// rows runs a query and calls each for every row.
func (s *statements) rows(query string, each func(scanner) error, args ...any) error {
	stmt, err := s.get(query)
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
