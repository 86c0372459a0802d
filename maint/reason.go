package maint

import (
	"errors"
	"io/fs"
	"os"
)

// reason strips the operation and the path, which may hold anything, from an
// error of the file system: the sentence around it names the file.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
