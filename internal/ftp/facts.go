package ftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Size asks for a file's length in bytes.
func (c *Conn) Size(ctx context.Context, path string) (int64, error) {
	text, err := c.ask(ctx, "SIZE", path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, errors.New("the server's answer to SIZE is no length")
	}
	return n, nil
}

// ModTime asks when a file was written last.
func (c *Conn) ModTime(ctx context.Context, path string) (time.Time, error) {
	text, err := c.ask(ctx, "MDTM", path)
	if err != nil {
		return time.Time{}, err
	}
	t, err := parseTime(text)
	if err != nil {
		return time.Time{}, errors.New("the server's answer to MDTM is no time")
	}
	return t, nil
}

// ask is for the commands about a file that are answered 213 and a value.
func (c *Conn) ask(ctx context.Context, verb, path string) (string, error) {
	if err := checkPath(path); err != nil {
		return "", err
	}
	r, err := c.expect(ctx, verb, path, 213)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(r.full), nil
}

// parseTime reads RFC 3659, 2.3: YYYYMMDDHHMMSS, perhaps with a fraction; UTC.
func parseTime(s string) (time.Time, error) {
	return time.Parse("20060102150405", s) // Go takes a fraction without being told
}

// Enter makes dir the working directory: it is one, and may be entered.
func (c *Conn) Enter(ctx context.Context, dir string) error {
	if err := checkPath(dir); err != nil {
		return err
	}
	if dir == "" {
		dir = "/"
	}
	r, err := c.do(ctx, "CWD", dir)
	if err == nil && r.Code/100 != 2 {
		err = r
	}
	return err
}

// maxListing bounds a directory's listing, in bytes: some 600,000 files.
const maxListing = 64 << 20

// Format is which command a listing answers.
type Format string

// The formats, from the most exact to the least.
const (
	MLSD Format = "mlsd" // RFC 3659, 7
	LIST Format = "list" // for human eyes; mostly of ls -l
)

// Listing is a directory as the server sent it.
type Listing struct {
	Format  Format
	Data    []byte
	ModTime time.Time // of the directory itself; zero: it was not told
}

// List returns what is in dir, in the best format that the server has. The
// directory is entered first: as an argument, many servers take its name for a
// pattern or for options.
func (c *Conn) List(ctx context.Context, dir string) (Listing, error) {
	if err := c.Enter(ctx, dir); err != nil {
		return Listing{}, err
	}
	if c.has("MLST") {
		data, err := c.readAll(ctx, "MLSD")
		if !Unsupported(err) {
			return Listing{Format: MLSD, Data: data, ModTime: ownTime(data)}, err
		}
		delete(c.features, "MLST")
	}
	data, err := c.readAll(ctx, "LIST")
	return Listing{Format: LIST, Data: data}, err
}

// ownTime finds what MLSD says of the directory itself:
//
//	type=cdir;modify=20240102030405; .
func ownTime(data []byte) time.Time {
	i := bytes.Index(data, []byte("ype=cdir;"))
	if i < 0 {
		return time.Time{}
	}
	line, _, _ := bytes.Cut(data[bytes.LastIndexByte(data[:i], '\n')+1:], []byte("\n"))
	facts, _, _ := bytes.Cut(line, []byte(" "))
	var at time.Time
	isOwn := false
	for fact := range strings.SplitSeq(string(facts), ";") {
		name, value, _ := strings.Cut(fact, "=")
		switch {
		case strings.EqualFold(name, "type"):
			isOwn = value == "cdir"
		case strings.EqualFold(name, "modify"):
			at, _ = parseTime(value)
		}
	}
	if !isOwn {
		return time.Time{}
	}
	return at
}

// Long returns what LIST says of dir, for what MLSD mostly leaves out: where
// links lead.
func (c *Conn) Long(ctx context.Context, dir string) ([]byte, error) {
	if err := c.Enter(ctx, dir); err != nil {
		return nil, err
	}
	return c.readAll(ctx, "LIST")
}

// Names returns the names in dir, in no order; dot files may be missing.
func (c *Conn) Names(ctx context.Context, dir string) ([]string, error) {
	if err := c.Enter(ctx, dir); err != nil {
		return nil, err
	}
	if c.has("MLST") {
		data, err := c.readAll(ctx, "MLSD")
		return lines(data, func(line string) string {
			_, name, _ := strings.Cut(line, " ")
			return name
		}), err
	}
	data, err := c.readAll(ctx, "NLST")
	return lines(data, func(line string) string {
		return line[strings.LastIndexByte(line, '/')+1:]
	}), err
}

func lines(data []byte, name func(string) string) []string {
	var names []string
	for line := range bytes.Lines(data) {
		if n := name(strings.TrimRight(string(line), "\r\n")); n != "" {
			names = append(names, n)
		}
	}
	return names
}

// readAll returns all data of a command about the working directory.
func (c *Conn) readAll(ctx context.Context, verb string) ([]byte, error) {
	t, err := c.transfer(ctx, 0, verb, "")
	var none *ReplyError
	if errors.As(err, &none) && (none.Code == 550 || none.Code == 450) && strings.Contains(strings.ToLower(none.Text), "no files") {
		return nil, nil // so some servers say that a directory is empty
	}
	if err != nil {
		return nil, err
	}
	defer t.Close()
	data, err := io.ReadAll(io.LimitReader(t, maxListing+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxListing {
		return nil, fmt.Errorf("the directory's listing is longer than %d MiB", maxListing>>20)
	}
	return data, nil
}
