package sync

import (
	"fmt"
	"mirror/internal/loopback"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// upstream is a real server that runs until the test ends.
type upstream struct {
	dir  string // what it serves, at url
	url  string
	stop func()
}

// serving is what a server is started with.
type serving struct {
	t    *testing.T
	conf string // a directory of its own
	dir  string
	ip   string // of its own; the port is every server's
	addr string // ip:port
	port int
	tool string // where its package was unpacked; "": it is installed
}

func newServing(t *testing.T) *serving {
	t.Helper()
	s := &serving{t: t, conf: t.TempDir(), dir: filepath.Join(t.TempDir(), "up"), port: loopback.Port}
	s.ip, s.addr = loopback.Address()
	must(t, os.Mkdir(s.dir, 0o755))
	for dir := filepath.Dir(s.dir); dir != os.TempDir(); dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755)) // for servers that become nobody
	}
	return s
}

func (s *serving) write(name, text string) string {
	s.t.Helper()
	name = filepath.Join(s.conf, name)
	must(s.t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// unpacked says where scripts/need-ftpd put a package.
func (s *serving) unpacked(pkg string) {
	s.t.Helper()
	var err error
	s.tool, err = filepath.Abs("../../bin/ftpd/" + pkg)
	must(s.t, err)
	if _, err := os.Stat(s.tool + "/complete"); err != nil {
		s.t.Fatalf("%s is not there: scripts/need-ftpd, which `make test` runs, unpacks it", pkg)
	}
}

func (s *serving) environment() []string {
	if s.tool == "" {
		return nil
	}
	var libraries []string
	for _, pattern := range []string{"/usr/lib/*-linux-*", "/lib/*-linux-*"} {
		dirs, _ := filepath.Glob(s.tool + pattern)
		libraries = append(libraries, dirs...)
	}
	return append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
}

// start runs a server and waits until it listens.
func (s *serving) start(scheme, path, program string, args ...string) upstream {
	t := s.t
	t.Helper()
	if s.tool != "" {
		program = filepath.Join(s.tool, program)
	} else if found, err := exec.LookPath(program); err == nil {
		program = found
	} else {
		program = "/usr/sbin/" + program
	}
	cmd := exec.Command(program, args...)
	cmd.Env = s.environment()
	// Its sessions are processes of their own.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(s.conf + "/log")
	must(t, err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	stop := sync.OnceFunc(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	t.Cleanup(stop)
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			conn.Close()
			return upstream{dir: s.dir, url: scheme + s.addr + path, stop: stop}
		}
		if time.Since(begun) > 10*time.Second {
			said, _ := os.ReadFile(s.conf + "/log")
			t.Fatalf("%s does not listen: %v\n%s", program, err, said)
		}
	}
}

func rsyncd(t *testing.T) upstream {
	s := newServing(t)
	global := fmt.Sprintf("use chroot = no\nreverse lookup = no\naddress = %s\nport = %d\nlog file = %s/said\n", s.ip, s.port, s.conf)
	if os.Getuid() == 0 {
		global += "uid = root\ngid = root\n"
	}
	conf := s.write("rsyncd.conf", global+"[m]\npath = "+s.dir+"\n")
	return s.start("rsync://", "/m/", "rsync", "--daemon", "--no-detach", "--config="+conf)
}

func nginx(t *testing.T) upstream {
	s := newServing(t)
	as := ""
	if os.Getuid() == 0 {
		as = "user root;"
	}
	conf := s.write("nginx.conf", fmt.Sprintf(`%s
worker_processes 1;
daemon off;
pid %[2]s/pid;
error_log %[2]s/errors;
events {}
http {
	access_log off;
	client_body_temp_path %[2]s/tmp; proxy_temp_path %[2]s/tmp; fastcgi_temp_path %[2]s/tmp;
	uwsgi_temp_path %[2]s/tmp; scgi_temp_path %[2]s/tmp;
	server { listen %[3]s; root %[4]s; autoindex on; }
}
`, as, s.conf, s.addr, s.dir))
	return s.start("http://", "/", "nginx", "-p", s.conf, "-c", conf, "-e", s.conf+"/errors")
}

func apache(t *testing.T) upstream {
	s := newServing(t)
	as := ""
	if os.Getuid() == 0 {
		as = "User www-data\nGroup www-data\n"
	}
	for _, module := range []string{"mpm_event", "authz_core", "autoindex", "dir", "mime"} {
		as += fmt.Sprintf("LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", module)
	}
	conf := s.write("apache.conf", fmt.Sprintf(`%s
ServerRoot %[2]s
ServerName localhost
Listen %[3]s
PidFile %[2]s/pid
ErrorLog %[2]s/errors
Mutex file:%[2]s default
TypesConfig /etc/mime.types
DocumentRoot %[4]s
<Directory %[4]s>
	Options Indexes FollowSymLinks
	IndexOptions FancyIndexing HTMLTable NameWidth=*
	DirectoryIndex disabled
	Require all granted
</Directory>
`, as, s.conf, s.addr, s.dir))
	return s.start("http://", "/", "apache2", "-f", conf, "-DFOREGROUND")
}

// hashed is "secret", as crypt(3) has it.
const hashed = "$5$mirrortest$GofYvxagh6B6FmBYq1CE4REMkEDkRiKee3YTT6As8V."

// account is whom FTP servers become: as root, somebody without rights.
func account(t *testing.T) (name string, uid int) {
	if os.Getuid() == 0 {
		return "nobody", 65534
	}
	u, err := user.Current()
	must(t, err)
	return u.Username, os.Getuid()
}

func vsftpd(t *testing.T) upstream {
	s := newServing(t)
	s.unpacked("vsftpd")
	u, err := user.Current()
	must(t, err)
	conf := s.write("vsftpd.conf", fmt.Sprintf(`listen=YES
listen_address=%s
listen_port=%d
background=NO
run_as_launching_user=YES
seccomp_sandbox=NO
anonymous_enable=YES
no_anon_password=YES
anon_world_readable_only=NO
xferlog_enable=NO
ftp_username=%s
anon_root=%s
`, s.ip, s.port, u.Username, s.dir))
	return s.start("ftp://", "/", "usr/sbin/vsftpd", conf)
}

func proftpd(t *testing.T) upstream {
	s := newServing(t)
	s.unpacked("proftpd-mod-crypto")
	name, uid := account(t)
	users := s.write("passwd", fmt.Sprintf("user:%s:%d:%d::%s:/bin/sh\n", hashed, uid, uid, s.dir))
	conf := s.write("proftpd.conf", fmt.Sprintf(`ServerType standalone
DefaultAddress %s
SocketBindTight on
UseIPv6 off
AuthOrder mod_auth_file.c
RequireValidShell off
UseFtpUsers off
UseReverseDNS off
WtmpLog off
TransferLog none
SystemLog none
TimesGMT on
DelayEngine off
Port %d
User %s
ModulePath %s/usr/lib/proftpd
AuthUserFile %s
PidFile %[6]s/pid
ScoreboardFile %[6]s/scoreboard
`, s.ip, s.port, name, s.tool, users, s.conf))
	return s.start("ftp://user:secret@", "/", "usr/sbin/proftpd", "-n", "-q", "-c", conf)
}

func pureftpd(t *testing.T) upstream {
	s := newServing(t)
	s.unpacked("pure-ftpd")
	users := s.write("passwd", fmt.Sprintf("user:%s:65534:65534::%s/./::::::::::::\n", hashed, s.dir))
	pw := exec.Command(filepath.Join(s.tool, "usr/bin/pure-pw"), "mkdb", s.conf+"/pdb", "-f", users)
	pw.Env = s.environment()
	out, err := pw.CombinedOutput()
	if err != nil {
		t.Fatalf("pure-pw: %v\n%s", err, out)
	}
	return s.start("ftp://user:secret@", "/", "usr/sbin/pure-ftpd", "-S", fmt.Sprintf("%s,%d", s.ip, s.port),
		"-l", "puredb:"+s.conf+"/pdb", "-H", "-E", "-4", "-g", s.conf+"/pid")
}
