package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Rsyncd starts an rsync daemon with one module, m. more is added to the module's
// configuration.
func (s *Server) Rsyncd(more string) {
	s.t.Helper()
	s.Run(Installed(s.t, "rsync", "rsync"), RsyncdArgs(s.IP, s.Port, s.Write("conf", RsyncdConf(s.Root, more), 0o600))...)
}

// RsyncdArgs are the arguments of an rsync daemon in the foreground.
func RsyncdArgs(ip, port, conf string) []string {
	return []string{"--daemon", "--no-detach", "--address=" + ip, "--port=" + port, "--log-file=/dev/stderr", "--config=" + conf}
}

// RsyncdConf is a configuration with one module, m, to which more is added.
func RsyncdConf(root, more string) string {
	return fmt.Sprintf("use chroot = no\nreverse lookup = no\n%s[m]\npath = %s\n%s", asRoot("uid = root\ngid = root\n"), root, more)
}

// RsyncUsers is what to add to a module that asks for User and Password.
func (s *Server) RsyncUsers() string {
	return "auth users = " + User + "\nsecrets file = " + s.Write("secrets", User+":"+Password+"\n", 0o600) + "\n"
}

// Vsftpd starts vsftpd, which knows no user but anonymous, since others need PAM. more
// is added to its configuration.
func (s *Server) Vsftpd(more string) {
	s.t.Helper()
	s.Run(s.unpacked("vsftpd")+"/usr/sbin/vsftpd", s.Write("conf", VsftpdConf(s.IP, s.Port, s.Root, more), 0o600))
}

// VsftpdConf is a configuration for anonymous, to which more is added.
func VsftpdConf(ip, port, root, more string) string {
	return fmt.Sprintf(`listen=YES
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
%s`, userName(os.Geteuid()), root, ip, port, more)
}

// Proftpd starts proftpd for User and Password. more is added to its configuration.
func (s *Server) Proftpd(more string) {
	s.t.Helper()
	root := s.unpacked("proftpd-mod-crypto")
	users := s.Write("passwd", fmt.Sprintf("%s:%s:%d:%d::%s:/bin/sh\n", User, hashed, nobody(), nobody(), s.Root), 0o600)
	s.Run(root+"/usr/sbin/proftpd", "-n", "-q", "-c", s.Write("conf", fmt.Sprintf(`ServerType standalone
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
%[7]s`, s.Dir, s.IP, s.Port, userName(nobody()), root, users, more), 0o600))
}

// PureFTPd starts pure-ftpd for User and Password. more arguments come before ours.
func (s *Server) PureFTPd(more ...string) {
	s.t.Helper()
	root := s.unpacked("pure-ftpd")
	users := s.Write("passwd", fmt.Sprintf("%s:%s:65534:65534::%s/./::::::::::::\n", User, hashed, s.Root), 0o600)
	pw := exec.Command(root+"/usr/bin/pure-pw", "mkdb", s.Dir+"/pdb", "-f", users)
	pw.Env = append(os.Environ(), libraries(pw.Path))
	if out, err := pw.CombinedOutput(); err != nil {
		s.t.Fatalf("pure-pw: %v\n%s", err, out)
	}
	s.Run(root+"/usr/sbin/pure-ftpd", append(more, "-S", s.IP+","+s.Port, "-l", "puredb:"+s.Dir+"/pdb", "-H", "-E", "-4", "-C", "30", "-g", s.Dir+"/pid")...)
}

// unpacked finds where scripts/need-ftpd has unpacked a package: FTP servers are not
// installed, since installing them starts them.
func (s *Server) unpacked(debianPackage string) string {
	s.t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		s.t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir + "/go.mod"); err == nil {
			break
		}
	}
	root := filepath.Join(dir, "bin/ftpd", debianPackage)
	if _, err := os.Stat(root + "/complete"); err != nil {
		s.t.Fatalf("%s is not there: scripts/need-ftpd, which `make test` runs, unpacks it", debianPackage)
	}
	return root
}
