package ftpd

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"mirror/internal/origin"
)

// listen answers EPSV and PASV.
func (x *session) listen(verb string, b Behaviour) {
	if x.passive != nil {
		x.passive.Close()
	}
	var err error
	if x.passive, err = net.Listen("tcp", net.JoinHostPort(x.s.ip, "0")); err != nil {
		x.say("425 %v", err)
		return
	}
	port := x.passive.Addr().(*net.TCPAddr).Port
	if verb == "EPSV" {
		x.say("229 Entering Extended Passive Mode (|||%d|)", port)
		return
	}
	host := strings.ReplaceAll(x.s.ip, ".", ",")
	if b.PASVHost != "" {
		host = b.PASVHost
	}
	if b.PASVPort != 0 {
		port = b.PASVPort
	}
	x.say("227 Entering Passive Mode (%s,%d,%d).", host, port>>8, port&255)
}

// content is what a file has.
func content(f origin.File) io.ReaderAt {
	if f.Body != nil {
		return bytes.NewReader(f.Body)
	}
	return origin.Synthetic(f.Seed, f.Size)
}

// list sends the working directory.
func (x *session) list(verb string) {
	var out strings.Builder
	for _, name := range x.s.children(x.cwd) {
		name, isDir := strings.CutSuffix(name, "/")
		f, _ := x.s.file(strings.TrimRight(x.cwd, "/") + "/" + name)
		date := f.ModTime.UTC()
		switch {
		case verb == "NLST":
			fmt.Fprintf(&out, "%s\r\n", name)
		case verb == "MLSD" && isDir:
			fmt.Fprintf(&out, "type=dir;modify=%s; %s\r\n", date.Format(stamp), name)
		case verb == "MLSD":
			fmt.Fprintf(&out, "type=file;size=%d;modify=%s; %s\r\n", f.Size, date.Format(stamp), name)
		case isDir:
			fmt.Fprintf(&out, "drwxr-xr-x    2 0        0            4096 %s %s\r\n", date.Format("Jan 02  2006"), name)
		default:
			fmt.Fprintf(&out, "-rw-r--r--    1 0        0        %8d %s %s\r\n", f.Size, date.Format("Jan 02  2006"), name)
		}
	}
	text := out.String()
	if told := x.s.now().Listing; told != "" && verb != "NLST" {
		text = told
	}
	x.send(strings.NewReader(text), x.cwd)
}

// patience is for clients that never come for their data.
const patience = 10 * time.Second

// send sends a transfer's bytes over the data connection.
func (x *session) send(r io.Reader, name string) {
	if x.passive == nil {
		x.say("425 no EPSV came before")
		return
	}
	x.say("150 here it comes")
	x.passive.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	data, err := x.passive.Accept()
	x.passive.Close()
	x.passive = nil
	if err != nil || !x.s.track(data) {
		x.say("425 %v", err)
		return
	}
	defer x.s.forget(data)
	defer data.Close()
	if x.private {
		secured := tls.Server(data, x.s.tls)
		if secured.Handshake() == nil && !secured.ConnectionState().DidResume {
			x.say("522 the session has to be resumed")
			return
		}
		data = secured
	}
	x.pour(data, r, name)
}

func (x *session) pour(data net.Conn, r io.Reader, name string) {
	b := x.s.transfer(name)
	if b.ChangeTo != nil {
		x.s.Set(name, *b.ChangeTo)
	}
	if limit := b.CutAfter + b.StallAfter; limit > 0 {
		r = io.LimitReader(r, limit)
	}
	_, err := io.Copy(data, r)
	if err == nil && b.StallAfter > 0 {
		io.Copy(io.Discard, data) // until the client leaves
	}
	data.Close()
	switch {
	case b.CutAfter > 0 && b.Vanish:
		x.conn.Close()
	case err != nil || b.StallAfter > 0 || b.CutAfter > 0 && !b.Whole:
		x.say("426 broken off")
	default:
		x.say("226 that was it")
	}
}
