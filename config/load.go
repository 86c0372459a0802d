package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFileSize is in bytes. A configuration of a thousand mirrors has a tenth
// of it: what is larger is another file, given by mistake.
const maxFileSize = 1 << 20

// byteOrderMark is what some editors put before UTF-8 text. TOML does not allow
// it, and nobody can see it.
const byteOrderMark = "\xef\xbb\xbf"

// Load reads and checks the configuration file at path. Relative paths in it
// are taken from the directory that path names. The error names every problem,
// each on a line of its own.
func Load(path string) (*Config, error) {
	if path == "" {
		return nil, errors.New("the configuration file has no name: write it behind --config, or set MIRROR_CONFIG")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, explainOpen(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, explainOpen(path, err)
	}
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("%s: is larger than %d bytes, so it is no configuration: name another file", path, maxFileSize)
	}
	return Parse(data, path)
}

// Parse checks the configuration text data, which came from the file at path.
// See Load.
func Parse(data []byte, path string) (*Config, error) {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	doc, err := decode(data, path)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: its directory cannot be told (%w): name the file by its absolute path", path, err)
	}
	c, problems := resolve(doc, dir, filepath.Join(dir, filepath.Base(path)))
	if len(problems) > 0 {
		return nil, inFile(problems, path, data)
	}
	return c, nil
}

// explainOpen turns a failure to open or read the file into a sentence with a
// remedy.
func explainOpen(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such configuration file: write it (mirror.example.toml shows every key) or name another", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: the configuration may not be read by uid %d: let its owner or group be the one that runs this program", path, os.Geteuid())
	}
	return fmt.Errorf("%s: the configuration cannot be read: %w", path, err)
}
