package ftpd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
)

// session is one control connection.
type session struct {
	s       *Server
	conn    net.Conn // TCP, or TLS over it
	in      *bufio.Reader
	cwd     string
	restart int64
	user    string
	passive net.Listener // after EPSV and PASV, until it is used
	private bool         // data connections are TLS
}

func newSession(s *Server, conn net.Conn) *session {
	return &session{s: s, conn: conn, in: bufio.NewReader(conn), cwd: "/"}
}

func (x *session) say(format string, args ...any) { fmt.Fprintf(x.conn, format+"\r\n", args...) }

func (x *session) serve() {
	defer func() {
		if x.passive != nil {
			x.passive.Close()
		}
	}()
	if x.s.implicit {
		x.secure()
	}
	greeting, ok := x.s.now().Answers[""]
	if !ok {
		greeting = "220 ftpd of a test"
	}
	x.say("%s", greeting)
	for {
		line, err := x.in.ReadString('\n')
		if err != nil {
			return
		}
		verb, arg, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if !x.obey(strings.ToUpper(verb), arg) {
			return
		}
	}
}

func (x *session) secure() {
	x.conn = tls.Server(x.conn, x.s.tls)
	x.in = bufio.NewReader(x.conn)
}

// obey does one command; false: the session is over.
func (x *session) obey(verb, arg string) bool {
	x.s.mu.Lock()
	if verb == "PASS" {
		x.s.commands = append(x.s.commands, verb)
	} else {
		x.s.commands = append(x.s.commands, strings.TrimSpace(verb+" "+arg))
	}
	x.s.mu.Unlock()

	b := x.s.now()
	answer, told := b.Answers[verb]
	switch {
	case b.Hangup == verb:
		return false
	case b.Silent == verb:
		_, err := x.in.ReadByte() // until the client leaves
		return err == nil
	case told:
		x.say("%s", answer)
		return !strings.HasPrefix(answer, "421")
	case slices.Contains(b.Lacks, verb), verb == "MLSD" && slices.Contains(b.Lacks, "MLST"),
		verb == "AUTH" && x.s.tls == nil:
		x.say("502 %s is not implemented", verb)
		return true
	}
	switch verb {
	case "AUTH":
		x.say("234 go on")
		x.secure()
	case "USER":
		x.user = arg
		x.say("331 and the password?")
	case "PASS":
		x.login(arg)
	case "PBSZ", "OPTS", "TYPE", "NOOP":
		x.say("200 yes")
	case "PROT":
		x.private = x.s.tls != nil
		x.say("200 yes")
	case "FEAT":
		x.features(b)
	case "PWD":
		x.say(`257 "%s"`, x.cwd)
	case "EPSV", "PASV":
		x.listen(verb, b)
	case "REST":
		x.restart, _ = strconv.ParseInt(arg, 10, 64)
		x.say("350 from %d", x.restart)
	case "SIZE", "MDTM", "RETR", "CWD":
		if !path.IsAbs(arg) {
			arg = path.Join(x.cwd, arg)
		}
		x.about(verb, path.Clean(arg), b)
	case "LIST", "NLST", "MLSD":
		x.list(verb)
	case "QUIT":
		x.say("221 bye")
		return false
	default:
		x.say("500 %s?", verb)
	}
	return true
}

func (x *session) login(password string) {
	if x.s.user != "" && (x.user != x.s.user || password != x.s.password) {
		x.say("530 no user %s with password %s", x.user, password) // a rude server
		return
	}
	x.s.mu.Lock()
	x.s.logins++
	x.s.mu.Unlock()
	x.say("230 welcome")
}

func (x *session) features(b Behaviour) {
	x.say("211-Features:")
	for _, f := range []string{"EPSV", "MDTM", "MLST type*;size*;modify*;", "REST STREAM", "SIZE", "UTF8"} {
		name, _, _ := strings.Cut(f, " ")
		if !slices.Contains(b.Lacks, name) {
			x.say(" %s", f)
		}
	}
	x.say("211 End")
}

// about is the commands whose argument is a name.
func (x *session) about(verb, name string, b Behaviour) {
	f, ok := x.s.file(name)
	isDir := name == "/" || len(x.s.children(name)) > 0
	missing := b.Missing
	if missing == "" {
		missing = name + ": No such file or directory"
	}
	denied := slices.Contains(b.Denied, name)
	switch {
	case verb == "CWD" && isDir && !denied:
		x.cwd = name
		x.say("250 there")
	case isDir && b.Missing == "":
		x.say("550 %s: not a plain file", name)
	case !ok || verb == "CWD" || denied:
		x.say("550 %s", missing)
	case verb == "SIZE":
		x.say("213 %d", f.Size)
	case verb == "MDTM":
		x.say("213 %s", f.ModTime.UTC().Format(stamp))
	case verb == "RETR":
		from := x.restart
		x.restart = 0
		x.send(io.NewSectionReader(content(f), from, max(0, f.Size-from)), name)
	}
}

const stamp = "20060102150405"
