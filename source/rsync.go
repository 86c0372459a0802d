package source

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"mirror"
)

// RsyncOptions is how an rsync daemon is spoken to.
type RsyncOptions struct {
	Connect      time.Duration // for the TCP handshake
	Header       time.Duration // from the greeting up to where the list begins
	Idle         time.Duration // without a byte, from there on
	LowSpeed     int64         // bytes a second; below it for LowSpeedTime the upstream is given up
	LowSpeedTime time.Duration // 0: any speed will do
}

// Rsync is the Source, and a Lister, Walker and Batcher, of an rsync daemon.
//
// It speaks the daemon's protocol itself instead of running the rsync program.
// So a file's bytes go right into the part, and only as far as they are right:
// the program writes where it likes and repairs the beginning at the end. It
// can ask for a file from any byte on, which the program cannot; it needs
// neither a process nor a directory for a fetch, nor rsync to be installed. No
// name is ever an argument, which daemons would take for a pattern, and the
// password is neither in arguments nor in an environment.
//
// A file is followed through symbolic links, as it is over HTTP.
type Rsync struct {
	dial   func(context.Context) (net.Conn, error)
	module string
	below  string // the base's path below the module: "" or ends with a slash
	user   *url.Userinfo
	name   string // the base without credentials; ends with a slash
	opts   RsyncOptions
	now    func() time.Time

	lookAgainAfter time.Duration // see the constant

	// noAppend: the daemon was asked for less than a whole file, and refused.
	noAppend atomic.Bool
}

// rsyncPort is what the IANA registered for rsync.
const rsyncPort = "873"

// NewRsync returns the source of base, rsync://[user:password@]host[:port]/module/[path/].
func NewRsync(base *url.URL, o RsyncOptions) *Rsync {
	public := *base
	public.User = nil
	port := base.Port()
	if port == "" {
		port = rsyncPort
	}
	module, below, _ := strings.Cut(strings.Trim(base.Path, "/"), "/")
	if below != "" {
		below += "/"
	}
	dialer := &net.Dialer{Timeout: o.Connect}
	addr := net.JoinHostPort(base.Hostname(), port)
	return &Rsync{
		dial:   func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) },
		module: module, below: below, user: base.User,
		name: strings.TrimRight(public.String(), "/") + "/",
		opts: o, now: time.Now, lookAgainAfter: lookAgainAfter,
	}
}

func (r *Rsync) String() string { return r.name }

// URL implements Source.
func (r *Rsync) URL(path mirror.Name) string { return r.name + path.Escape() }

// rsyncFiles are the options for names of files: they keep their directories
// (-R; the directories are listed then, too), are followed (-L), and one that
// is a directory is told as such but not read (-d).
const rsyncFiles = "-dRL"

// fileAsk asks for one file.
func (r *Rsync) fileAsk(path mirror.Name, appending bool) rsyncAsk {
	ask := rsyncAsk{options: rsyncFiles, appending: appending, most: 1}
	r.askFor(&ask, path)
	return ask
}

// askFor adds a file.
func (r *Rsync) askFor(ask *rsyncAsk, path mirror.Name) {
	name := r.below + string(path)
	ask.names = append(ask.names, name)
	ask.most += 1 + strings.Count(name, "/")
}

// Stat implements Source.
func (r *Rsync) Stat(ctx context.Context, path mirror.Name) (mirror.Meta, error) {
	s, err := r.open(ctx, r.fileAsk(path, false))
	if err != nil {
		return mirror.Meta{}, r.failure(ctx, path, err)
	}
	defer s.close()
	_, meta, err := s.find(r, path, s.index())
	s.leave()
	if err != nil {
		return mirror.Meta{}, r.failure(ctx, path, err)
	}
	return meta, nil
}

// Range implements Source.
func (r *Rsync) Range(ctx context.Context, path mirror.Name, first, last int64, pin mirror.Meta) (io.ReadCloser, error) {
	s, err := r.open(ctx, r.fileAsk(path, first > 0))
	if err != nil {
		return nil, r.failure(ctx, path, err)
	}
	meta, err := s.askRange(r, path, first, last, pin)
	if err != nil {
		s.close()
		return nil, r.failure(ctx, path, err)
	}
	return &rsyncBody{r: r, ctx: ctx, path: path, s: s, data: s.data(meta.Size - first), left: last - first + 1}, nil
}

// askRange asks for a file from first on, if it is the one that pin describes, and
// reads up to its first chunk.
func (s *rsyncSession) askRange(r *Rsync, path mirror.Name, first, last int64, pin mirror.Meta) (mirror.Meta, error) {
	index, meta, err := s.find(r, path, s.index())
	if err != nil {
		return meta, err
	}
	if why := offPin(pin, meta, first, last); why != "" {
		return meta, faultf(mirror.ErrChanged, "%s", why)
	}
	s.request(index, first)
	s.goodbye()
	if err := s.out.flush(); err != nil {
		return meta, err
	}
	s.pace(r)
	return meta, s.answer(index)
}

// rsyncBody is a range of a file. Of one that reaches the file's end it gives the
// last bytes only when the digest is right.
type rsyncBody struct {
	r    *Rsync
	ctx  context.Context
	path mirror.Name
	s    *rsyncSession
	data *rsyncData
	left int64
}

func (b *rsyncBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.data.Read(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); err == nil && b.left == 0 && b.data.left == 0 {
		if err = b.data.next(); err == io.EOF {
			err = nil
		} else {
			n = 0
		}
	}
	if err != nil {
		err = b.r.failure(b.ctx, b.path, err)
	}
	return n, err
}

func (b *rsyncBody) Close() error {
	b.s.close()
	return nil
}

// index sorts the list, so that places in it mean to the daemon what they mean
// here, and returns them by name.
func (s *rsyncSession) index() map[string]int {
	sortList(s.list)
	index := make(map[string]int, len(s.list))
	for i := range s.list {
		index[s.list[i].name] = i
	}
	return index
}

// find looks a file up by an index of the list.
func (s *rsyncSession) find(r *Rsync, path mirror.Name, index map[string]int) (i int, meta mirror.Meta, err error) {
	i, ok := index[r.below+string(path)]
	if !ok {
		return 0, meta, s.about(r.below + string(path))
	}
	meta, err = r.metaOf(&s.list[i])
	return i, meta, err
}

// metaOf is what an entry says of a file.
func (r *Rsync) metaOf(e *rsyncEntry) (mirror.Meta, error) {
	switch {
	case e.is(modeDir):
		return mirror.Meta{}, faultf(mirror.ErrIsDirectory, "is a directory")
	case !e.is(modeRegular):
		return mirror.Meta{}, faultf(mirror.ErrBroken, "is no file (its mode is %o)", e.mode)
	}
	at := mirror.FileTime(e.mtime)
	return mirror.Meta{Size: e.size, ModTime: at, LastModified: settled(at, r.now())}, nil
}

// pace watches the speed from here on.
func (s *rsyncSession) pace(r *Rsync) {
	s.conn.lowSpeed, s.conn.window = r.opts.LowSpeed, r.opts.LowSpeedTime
}

// leave ends a session that asked for no file, as a daemon expects it.
func (s *rsyncSession) leave() {
	if len(s.list) == 0 {
		return // it has left already
	}
	s.goodbye()
	if s.out.flush() == nil {
		s.farewell()
	}
}

// failure gives an error its kind, and names the file.
func (r *Rsync) failure(ctx context.Context, path mirror.Name, err error) error {
	if known := withKind(err); known != nil {
		return known
	}
	e := &Error{Kind: mirror.ErrBroken, Upstream: r.name, Path: path, Cause: err.Error()}
	var f *fault
	var timeout net.Error
	switch {
	case ctx.Err() != nil: // given up by whoever asked, for a reason of its own
		e.Kind = context.Cause(ctx)
		e.Cause = e.Kind.Error()
	case errors.As(err, &f):
		e.Kind = f.kind
	case outOfFiles(err):
		e.Kind, e.Cause = mirror.ErrBusy, "cannot be asked for: "+e.Cause+": raise the limit of open files"
	case errors.Is(err, mirror.ErrTimeout):
		e.Kind = mirror.ErrTimeout
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Kind, e.Cause = mirror.ErrTimeout, "no answer in time ("+e.Cause+")"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		e.Cause = "the connection ended before the daemon was done"
	}
	return e
}
