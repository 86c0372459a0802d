package fetch

import (
	"context"

	"mirror"
	"mirror/repo"
	"mirror/store/index"
)

// SHA256 returns the digest of the whole file where it is known without reading it,
// else nil: that of the record, if that speaks of the file, or of what is expected of
// one that is not published yet.
func (f *File) SHA256(ctx context.Context) []byte {
	switch {
	case f.digest != nil || f.looked || f.e == nil:
		return f.digest
	case !f.published:
		return f.e.expectedSHA256(ctx, f.e.placeOf(f.name), f.Meta.Size)
	}
	file := identityOf(f.info)
	if sum := f.e.digests.get(f.name, file); sum != nil {
		return sum
	}
	rec, ok, err := f.e.index.File(ctx, string(f.name))
	if err != nil || !ok || !rec.Describes(f.info.Size(), f.info.ModTime()) {
		return nil
	}
	if rec.Inode == file.ino && len(rec.Digest) > 0 {
		f.e.digests.put(f.name, file, rec.Digest)
	}
	return rec.Digest
}

// ExpectedSHA256 returns the SHA-256 that a missing file of this size has to have, size -1
// being unknown; nil where that is not known, or could be one of several.
func (e *Engine) ExpectedSHA256(ctx context.Context, name mirror.Name, size int64) []byte {
	if real, err := e.tree.Resolve(name); err == nil {
		name = real
	}
	return e.expectedSHA256(ctx, e.placeOf(name), size)
}

func (e *Engine) expectedSHA256(ctx context.Context, p place, size int64) []byte {
	if p.m == nil {
		return nil
	}
	return onlySHA256(e.expectations(ctx, p.m, p.rest), size)
}

// onlySHA256 is the SHA-256 on which all agree that speak of a file of this size, -1
// being unknown; nil: there is none.
func onlySHA256(expected []index.Expected, size int64) []byte {
	digest := ""
	for _, x := range expected {
		switch {
		case x.Size >= 0 && size >= 0 && x.Size != size:
		case repo.Algorithm(x.Algorithm) != repo.SHA256, digest != "" && digest != x.Digest:
			return nil
		default:
			digest = x.Digest
		}
	}
	if digest == "" {
		return nil
	}
	return []byte(digest)
}
