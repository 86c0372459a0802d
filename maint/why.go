package maint

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"time"

	"mirror"
	"mirror/config"
	"mirror/fetch"
)

// Report is the state of one name. Its JSON is what `mirrorctl why --json`
// prints; absent members are what there is not.
type Report struct {
	Name mirror.Name `json:"-"`
	Path string      `json:"path"` // escaped, below base: lossless whatever the name holds

	Prefix string   `json:"prefix,omitempty"` // of the mirror
	URLs   []string `json:"urls,omitempty"`   // at each upstream
	// Mutable files may change, and are confirmed with the upstream.
	Mutable bool `json:"mutable"`

	File       *File       `json:"file,omitempty"`
	Obstacle   string      `json:"obstacle,omitempty"` // what stands there in place of a file
	Freshness  *Freshness  `json:"freshness,omitempty"`
	Expected   []Expected  `json:"expected,omitempty"` // any of them will do
	Wrong      *Rejected   `json:"wrong,omitempty"`
	Dropped    *Dropped    `json:"dropped,omitempty"`
	Fetching   bool        `json:"fetching"`
	Unfinished *Unfinished `json:"unfinished,omitempty"`
	Failure    *Failure    `json:"failure,omitempty"`
	Next       Step        `json:"next"`
}

// File is what the docroot has, or the state directory in its place, and what the
// record says of it.
type File struct {
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mtime"`
	Aside   bool      `json:"aside,omitempty"` // it is kept in the state directory
	Ours    bool      `json:"ours"`
	// Standing: "ours"; "interrupted" (ours, but not recorded yet); "found" (by
	// a reindex); "changed" (since it was recorded); "unknown" (not recorded).
	Standing string `json:"standing"`

	// Only of a file that is as it was recorded.
	Upstream     string    `json:"upstream,omitempty"`
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	SHA256       string    `json:"sha256,omitempty"`
	Fetched      time.Time `json:"fetched,omitzero"`
	Checked      time.Time `json:"checked,omitzero"`
	Due          time.Time `json:"due,omitzero"` // of a mutable file of ours
}

// Dropped says that the upstream has dropped a file of ours.
type Dropped struct {
	Since time.Time `json:"since"`
	Via   string    `json:"via"`            // path of the index, or the directory, that no longer names it
	Until time.Time `json:"until,omitzero"` // it is kept; zero: for ever

	// Generations: it goes sooner, when it is older than so many of that index; absent:
	// it does not.
	Generations int `json:"generations,omitempty"`
}

// Unfinished is a file in the state directory.
type Unfinished struct {
	Have      int64     `json:"have"`
	Total     int64     `json:"total"` // -1: not known
	Resumable bool      `json:"resumable"`
	Reason    string    `json:"reason,omitempty"` // why it is not
	Upstream  string    `json:"upstream,omitempty"`
	Started   time.Time `json:"started,omitzero"`
}

// Failure is the last thing that went wrong.
type Failure struct {
	Kind       string    `json:"kind"`
	Cause      string    `json:"cause"`
	At         time.Time `json:"at"`
	Since      time.Time `json:"since,omitzero"`            // of the first of its kind, if there was more than one
	Remembered time.Time `json:"remembered_until,omitzero"` // until then it answers requests
}

// Step is what the next request will do.
type Step struct {
	Kind  fetch.Next `json:"kind"`
	Text  string     `json:"text"`
	Until time.Time  `json:"until,omitzero"` // when it will be another
}

// Why reports on a name. It changes nothing, and asks no upstream.
func (s Site) Why(ctx context.Context, name mirror.Name) (*Report, error) {
	in, err := s.Engine.Inspect(ctx, name)
	if err != nil {
		return nil, err
	}
	r := &Report{Name: name, Path: "/" + name.Escape(), Mutable: in.Mutable, Fetching: in.Fetching}
	m := in.Mirror
	if m == nil { // it may be the top of one
		m, _, _ = s.Conf.Match(string(name) + "/")
	}
	if m != nil {
		r.Prefix = "/" + m.Prefix
		for _, u := range m.Upstream {
			r.URLs = append(r.URLs, config.Redacted(u)+in.Rest.Escape())
		}
	}
	if in.Found != nil {
		r.File = fileOf(in)
	}
	if r.Dropped, err = s.whenDropped(ctx, in, name); err != nil {
		return nil, err
	}
	r.Obstacle = s.obstacle(in, name)
	r.Unfinished = unfinishedOf(in)
	r.Failure = failureOf(in.Failure)
	r.Freshness, r.Expected, r.Wrong = freshnessOf(in), expectedOf(in), s.wrongOf(in)
	r.Next = s.step(in)
	return r, nil
}

// whenDropped says since when the upstream no longer has a file of ours; nil: it has.
func (s Site) whenDropped(ctx context.Context, in *fetch.Inspection, name mirror.Name) (*Dropped, error) {
	rec, ok, err := s.Engine.Index().WhenDropped(ctx, string(name))
	if err != nil || !ok || in.Mirror == nil || !in.Ours {
		return nil, err
	}
	d := &Dropped{Since: rec.Since, Via: "/" + mirror.Name(rec.Via).Escape()}
	if keep := in.Mirror.KeepDropped; keep != config.KeepForever {
		d.Until = rec.Since.Add(keep)
		if isByDigest(in.Mirror, rec.Name) {
			d.Generations = in.Mirror.KeepGenerations
		}
	}
	return d, nil
}

// obstacle says what stands at the name in place of a file.
func (s Site) obstacle(in *fetch.Inspection, name mirror.Name) string {
	if in.Err == nil {
		return ""
	}
	fi, err := s.Engine.Tree().Lstat(pathOf(name))
	switch {
	case errors.Is(in.Err, mirror.ErrIsDirectory):
		return "a directory"
	case err == nil && fi.Mode()&fs.ModeSymlink != 0:
		return "a symbolic link that leads out of the docroot, or to no file"
	case err == nil && !fi.Mode().IsRegular():
		return "neither a file nor a directory"
	case errors.Is(in.Err, mirror.ErrForeign):
		return "a path that leads out of the docroot"
	}
	return "what cannot be read: " + reason(in.Err).Error()
}

func fileOf(in *fetch.Inspection) *File {
	f := &File{Size: in.Found.Size(), ModTime: in.Found.ModTime(), Aside: in.Aside, Ours: in.Ours}
	rec := in.Record
	known := rec != nil && rec.Describes(f.Size, f.ModTime)
	switch {
	case known && rec.Ours:
		f.Standing = "ours"
	case in.Ours:
		f.Standing = "interrupted"
	case known:
		f.Standing = "found"
	case rec != nil:
		f.Standing = "changed"
	default:
		f.Standing = "unknown"
	}
	if !known {
		return f
	}
	f.Upstream, f.ETag, f.LastModified = rec.Upstream, rec.ETag, rec.LastModified
	f.SHA256 = hex.EncodeToString(rec.Digest)
	f.Fetched, f.Checked = rec.Fetched, rec.Checked
	if k := in.Keeping; k != nil && !k.Confirmed.IsZero() {
		f.Due = k.Confirmed.Add(k.Life)
	}
	return f
}

func unfinishedOf(in *fetch.Inspection) *Unfinished {
	if in.Have < 0 {
		return nil
	}
	u := &Unfinished{Have: in.Have, Total: -1, Resumable: in.Unfit == ""}
	if !in.Fetching { // who fetches knows more than is recorded yet
		u.Reason = in.Unfit
	}
	if p := in.Partial; p != nil {
		u.Total, u.Upstream, u.Started = p.Total, p.Upstream, p.Started
	}
	return u
}
