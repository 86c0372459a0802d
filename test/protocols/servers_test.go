package protocols

import (
	"fmt"
	"mirror/internal/loopback"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every server serves work/up, to "user" with "secret" where it knows users.
const (
	password = "secret"
	// hashed is password as crypt(3) has it, digest as an htpasswd file has it
	// with {SHA}.
	hashed = "$5$mirrortest$GofYvxagh6B6FmBYq1CE4REMkEDkRiKee3YTT6As8V."
	digest = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
)

// server is one that runs.
type server struct {
	t        *testing.T
	dir      string // of its configuration
	root     string // what it serves
	ip, addr string
}

// newServer prepares one that ends with the test.
func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), root: filepath.Join(work, "up")}
	s.ip, s.addr = loopback.Address()
	for dir := s.dir; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// write puts a text into the server's directory.
func (s *server) write(name, text string, mode os.FileMode) string {
	s.t.Helper()
	name = filepath.Join(s.dir, name)
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// run starts the server, and waits until it listens.
func (s *server) run(name string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C", libraries(name))
	// Its sessions are processes of their own.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		if said, err := os.ReadFile(log.Name()); err == nil && s.t.Failed() {
			s.t.Logf("%s said:\n%s", filepath.Base(name), said[max(0, len(said)-2000):])
		}
	})
	eventually(s.t, name+" listens", func() bool {
		conn, err := net.DialTimeout("tcp", s.addr, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// installed finds a program that Debian has in a package.
func (s *server) installed(program, debianPackage string) string {
	s.t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	s.t.Fatalf("%s is missing: install the Debian package %s", program, debianPackage)
	return ""
}

// unpacked finds where scripts/need-ftpd has unpacked a package.
func (s *server) unpacked(debianPackage string) string {
	s.t.Helper()
	root, err := filepath.Abs("../../bin/ftpd/" + debianPackage)
	if err == nil {
		_, err = os.Stat(root + "/complete")
	}
	if err != nil {
		s.t.Fatalf("%s is not there: scripts/need-ftpd, which `make test` runs, unpacks it", debianPackage)
	}
	return root
}

// libraries names those that were unpacked with a program.
func libraries(program string) string {
	root, _, found := strings.Cut(program, "/usr/sbin/")
	if !found || root == "" {
		return "LD_LIBRARY_PATH="
	}
	dirs, _ := filepath.Glob(root + "/usr/lib/*-linux-*")
	more, _ := filepath.Glob(root + "/lib/*-linux-*")
	return "LD_LIBRARY_PATH=" + strings.Join(append(dirs, more...), ":")
}

func startNginx(s *server) {
	users := s.write("users", "user:"+digest+"\n", 0o644)
	user := ""
	if os.Geteuid() == 0 {
		user = "user www-data;"
	}
	s.run(s.installed("nginx", "nginx-light"), "-p", s.dir, "-g", "daemon off;", "-c", s.write("conf", fmt.Sprintf(`
%[1]s
worker_processes 1;
pid %[2]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	server {
		listen %[3]s;
		root %[4]s;
		autoindex on;
		auth_basic "mirror";
		auth_basic_user_file %[5]s;
	}
}
`, user, s.dir, s.addr, s.root, users), 0o644))
}

func startApache(s *server) {
	var load strings.Builder
	for name := range strings.FieldsSeq("mpm_event authz_core authz_user authn_core authn_file auth_basic mime dir autoindex") {
		fmt.Fprintf(&load, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", name, name)
	}
	if os.Geteuid() == 0 {
		load.WriteString("User www-data\nGroup www-data\n")
	}
	users := s.write("users", "user:"+digest+"\n", 0o644)
	s.run(s.installed("apache2", "apache2"), "-DFOREGROUND", "-f", s.write("conf", fmt.Sprintf(`
%[1]s
ServerRoot %[2]s
Listen %[3]s
ServerName %[3]s
PidFile %[2]s/pid
ErrorLog /dev/stderr
Mutex file:%[2]s default
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
TypesConfig /etc/mime.types
DocumentRoot %[4]s
<Directory %[4]s>
	Options Indexes FollowSymLinks
	IndexOptions FancyIndexing NameWidth=* Charset=UTF-8
	AuthType Basic
	AuthName mirror
	AuthUserFile %[5]s
	Require valid-user
</Directory>
`, load.String(), s.dir, s.addr, s.root, users), 0o644))
}

func startRsync(s *server) {
	owner := ""
	if os.Geteuid() == 0 {
		owner = "uid = root\ngid = root\n"
	}
	_, port, _ := net.SplitHostPort(s.addr)
	s.run(s.installed("rsync", "rsync"), "--daemon", "--no-detach", "--address="+s.ip, "--port="+port, "--log-file=/dev/stderr",
		"--config="+s.write("conf", fmt.Sprintf(`
use chroot = no
reverse lookup = no
%[1]s
[m]
path = %[2]s
auth users = user
secrets file = %[3]s
`, owner, s.root, s.write("secrets", "user:"+password+"\n", 0o600)), 0o600))
}

// startVsftpd: it knows no user but anonymous, since others need PAM.
func startVsftpd(s *server) { s.vsftpd("") }

func (s *server) vsftpd(more string) {
	root := s.unpacked("vsftpd")
	_, port, _ := net.SplitHostPort(s.addr)
	s.run(root+"/usr/sbin/vsftpd", s.write("conf", fmt.Sprintf(`listen=YES
background=NO
run_as_launching_user=YES
seccomp_sandbox=NO
anonymous_enable=YES
no_anon_password=YES
anon_world_readable_only=NO
xferlog_enable=NO
ftp_username=%s
anon_root=%s
listen_address=%s
listen_port=%s
%s`, userName(os.Geteuid()), s.root, s.ip, port, more), 0o600))
}

func startProftpd(s *server) {
	root := s.unpacked("proftpd-mod-crypto")
	_, port, _ := net.SplitHostPort(s.addr)
	users := s.write("passwd", fmt.Sprintf("user:%s:%d:%d::%s:/bin/sh\n", hashed, nobody(), nobody(), s.root), 0o600)
	s.run(root+"/usr/sbin/proftpd", "-n", "-q", "-c", s.write("conf", fmt.Sprintf(`ServerType standalone
DefaultAddress %[2]s
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
PidFile %[1]s/pid
ScoreboardFile %[1]s/scoreboard
Port %[3]s
User %[4]s
ModulePath %[5]s/usr/lib/proftpd
AuthUserFile %[6]s
`, s.dir, s.ip, port, userName(nobody()), root, users), 0o600))
}

func startPureFTPd(s *server) { s.pureFTPd() }

// startFTPS: it insists on TLS, for the data, too.
func startFTPS(s *server) { s.pureFTPd("-Y", "3", "-2", s.certificate()) }

func (s *server) pureFTPd(more ...string) {
	root := s.unpacked("pure-ftpd")
	users := s.write("passwd", fmt.Sprintf("user:%s:65534:65534::%s/./::::::::::::\n", hashed, s.root), 0o600)
	pw := exec.Command(root+"/usr/bin/pure-pw", "mkdb", s.dir+"/pdb", "-f", users)
	pw.Env = append(os.Environ(), libraries(root+"/usr/sbin/pure-ftpd"))
	if out, err := pw.CombinedOutput(); err != nil {
		s.t.Fatalf("pure-pw: %v\n%s", err, out)
	}
	_, port, _ := net.SplitHostPort(s.addr)
	s.run(root+"/usr/sbin/pure-ftpd", append(more, "-S", s.ip+","+port, "-l", "puredb:"+s.dir+"/pdb", "-H", "-E", "-4", "-C", "30", "-g", s.dir+"/pid")...)
}

// nobody is the user that serves; root's servers do not serve as root.
func nobody() int {
	if os.Geteuid() == 0 {
		return 65534
	}
	return os.Geteuid()
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return u.Username
}

// patience is how long a condition is waited for. Only failing tests wait as long.
const patience = 15 * time.Second

// eventually polls until ok or patience is over.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}
