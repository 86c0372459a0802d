package repo

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// What Read takes of an index, whoever wrote it. The largest indexes that are in
// use have a few hundred thousand packages and a few hundred megabytes.
const (
	maxBytes  = 4 << 30 // unpacked
	maxClaims = 2_000_000
	maxLine   = 1 << 20  // "Provides:" of some packages has 100 KB
	maxWhole  = 64 << 20 // of a file that is read into memory as a whole
)

// format is a Format with the name that a configuration calls it by.
type format struct {
	name string
	Format
}

// formats are all that there are. Each knows its files by names that no other
// one has, but for sums, whose names can be anywhere.
var formats = []format{
	{"debian", debian{}},
	{"rpm", rpm{}},
	{"arch", arch{}},
	{"alpine", alpine{}},
	{"sums", sums{}},
	{"pypi", pypi{}},
}

// None is the profile of a mirror whose files mean nothing.
const None = "none"

// Profiles are the names that New takes.
func Profiles() []string {
	names := []string{"auto", None}
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Knowledge is what is known of the files of one mirror. It has no state: any
// number of goroutines may use it.
type Knowledge struct {
	formats []format
}

// New returns what a profile knows: that of one format, of every one ("auto"), or
// nothing at all (None).
func New(profile string) (*Knowledge, error) {
	switch profile {
	case "auto":
		return &Knowledge{formats}, nil
	case None:
		return &Knowledge{}, nil
	}
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == profile })
	if i < 0 {
		return nil, fmt.Errorf("%q is no kind of repository: there are %s", profile, strings.Join(Profiles(), ", "))
	}
	return &Knowledge{formats[i : i+1]}, nil
}

// Of returns what a name tells. It is cheap enough for every request, and so
// can be wrong: Read says whether a file is the index that its name promises.
func (k *Knowledge) Of(name string) Nature {
	n, _ := k.of(name)
	return n
}

// HasIndex reports whether a Nature.Index may be of this name: what an index said
// that was read under another profile is not kept up to date.
func (k *Knowledge) HasIndex(index string) bool {
	return k.Of(index).Index == index || k.Of(index+".html").Index == index // of PyPI no file is called without
}

func (k *Knowledge) of(name string) (Nature, Format) {
	for _, f := range k.formats {
		if n, ok := f.Of(name); ok {
			return n, f
		}
	}
	return Nature{}, nil
}

// errTooMany ends the reading of an index that claims more than any real one does.
var errTooMany = fmt.Errorf("it tells of more than %d files", maxClaims)

// Read reads an index, packed or not, and calls add with each of its claims. A
// claim whose name no client could ask for, or that leads out of its mirror, is
// left out and counted. name is what the file is known by: of one that is called
// by its digest, Claim.As.
//
// An index need not have been checked. Reading one takes bounded memory and ends,
// whatever it contains; an error says that it is no such index, or that it was
// damaged, and then claims may have been added before.
func (k *Knowledge) Read(name string, r io.Reader, add func(Claim) error) (Head, error) {
	n, f := k.of(name)
	if n.Index == "" {
		return Head{}, fmt.Errorf("%s is not known as an index", name)
	}
	plain, done, err := expand(r)
	if err != nil {
		return Head{}, fmt.Errorf("%s: %w", name, err)
	}
	defer done()
	skipped, added := 0, 0
	var refused error // what add returned, which is not to be wrapped
	head, err := f.Read(name, bound(plain, maxBytes), func(c Claim) error {
		switch {
		case c.Size < 0 && c.Digest.Algorithm == NoAlgorithm:
			return nil // it says nothing
		case !safe(c.Name), c.As != "" && !safe(c.As):
			skipped++
			return nil
		case added == maxClaims:
			return errTooMany
		}
		added++
		refused = add(c)
		return refused
	})
	head.Skipped = skipped
	if err != nil && (refused == nil || !errors.Is(err, refused)) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return head, err
}

// bounded is a reader that fails, and does not just end, when there is more than
// left.
type bounded struct {
	r           io.Reader
	left, limit int64
}

func bound(r io.Reader, limit int64) io.Reader { return &bounded{r, limit, limit} }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, fmt.Errorf("it is larger than %d MiB", b.limit>>20)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
