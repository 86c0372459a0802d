package test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/internal/server"
)

// The main configuration of each server is as Debian's where that matters, and
// hostile where an administrator's may be; the site is the file in deploy/.

// startBuiltin: mirror-fcgi is the front, and runs already.
func startBuiltin(*testing.T, *site) {}

const nginxMain = `
user www-data;
worker_processes 2;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx-error.log;
events {}
http {
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	access_log %[1]s/access.log;
	sendfile on;
	gzip on;
	client_body_temp_path %[1]s/nginx-tmp/body;
	proxy_temp_path %[1]s/nginx-tmp/proxy;
	fastcgi_temp_path %[1]s/nginx-tmp/fastcgi;
	uwsgi_temp_path %[1]s/nginx-tmp/uwsgi;
	scgi_temp_path %[1]s/nginx-tmp/scgi;
	# What is missing is remembered as missing.
	open_file_cache max=100;
	open_file_cache_errors on;
	fastcgi_intercept_errors on;
	include %[1]s/site.conf;
}
`

func startNginx(file string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		nginx := server.Installed(t, "nginx", "nginx-light")
		if err := os.Mkdir(filepath.Join(s.dir, "nginx-tmp"), 0o755); err != nil {
			t.Fatal(err)
		}
		main := filepath.Join(s.dir, "nginx.conf")
		writeFile(t, main, fmt.Sprintf(nginxMain, s.dir))
		writeFile(t, filepath.Join(s.dir, "site.conf"), s.deploy(t, file,
			"listen 80;", "listen "+s.addr+";",
			"listen [::]:80;", "",
			"/srv/mirror", s.frontRoot,
			"/run/mirror/fcgi.sock", s.frontSocket))
		s.launch(t, nil, nginx, "-p", s.dir, "-c", main, "-g", "daemon off;")
		s.watch(t, "nginx-error.log")
	}
}

// apacheMain has the handlers that an administrator may have set for all files.
const apacheMain = `
ServerRoot /etc/apache2
Listen %[2]s
ServerName %[2]s
PidFile %[1]s/apache.pid
ErrorLog %[1]s/apache-error.log
LogLevel warn include:crit core:crit authz_core:crit
Mutex file:%[1]s default
User www-data
Group www-data
StartServers 1
ServerLimit 2
ThreadsPerChild 25
MaxRequestWorkers 50
%[3]s
TypesConfig /etc/mime.types
ScriptSock %[1]s/cgid.sock
FcgidIPCDir %[1]s/fcgid
FcgidProcessTableFile %[1]s/fcgid_shm
FcgidMaxProcesses 60
FcgidMaxProcessesPerClass 60
FcgidMinProcessesPerClass 0
AddHandler cgi-script .cgi .pl
AddHandler type-map .var
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
AddOutputFilterByType DEFLATE text/html text/plain application/octet-stream
<FilesMatch "\.php$">
	SetHandler cgi-script
</FilesMatch>
<FilesMatch "^\.ht">
	Require all denied
</FilesMatch>
<Directory />
	Options FollowSymLinks
	AllowOverride None
	Require all denied
</Directory>
Include %[1]s/site.conf
`

// startApacheMain starts Apache with site.conf, which the caller has written.
func startApacheMain(t *testing.T, s *site) {
	t.Helper()
	apache := server.Installed(t, "apache2", "apache2")
	main := filepath.Join(s.dir, "apache.conf")
	writeFile(t, main, fmt.Sprintf(apacheMain, s.dir, s.addr, apacheModules(t)))
	s.launch(t, nil, apache, "-f", main, "-DFOREGROUND")
	s.watch(t, "apache-error.log")
}

// apacheModules loads what Debian's packages bring, and what our snippets need.
func apacheModules(t *testing.T) string {
	t.Helper()
	const modules = "/usr/lib/apache2/modules"
	var load strings.Builder
	for _, name := range strings.Fields(`mpm_event authz_core authz_host mime dir alias env autoindex negotiation
		setenvif headers filter deflate include rewrite cgid proxy proxy_fcgi fcgid xsendfile`) {
		module := filepath.Join(modules, "mod_"+name+".so")
		if _, err := os.Stat(module); err != nil {
			pkg := map[string]string{"fcgid": "libapache2-mod-fcgid", "xsendfile": "libapache2-mod-xsendfile"}[name]
			t.Fatalf("%s is missing: install the Debian package %s", module, pkg)
		}
		fmt.Fprintf(&load, "LoadModule %s_module %s\n", name, module)
	}
	return load.String()
}

func startApache(file string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		pairs := []string{"*:80>", s.addr + ">", "/srv/mirror", s.frontRoot}
		switch s.front.handler {
		case daemon:
			pairs = append(pairs, "/run/mirror/fcgi.sock", s.frontSocket)
		case spawned:
			pairs = append(pairs, "/usr/local/bin/mirror-fcgi", s.fcgi, "/etc/mirror/mirror.toml", s.config)
		case cgi:
			pairs = append(pairs, "/usr/lib/cgi-bin/mirror-cgi", s.cgi, "/etc/mirror/mirror.toml", s.config)
		}
		writeFile(t, filepath.Join(s.dir, "site.conf"), s.deploy(t, file, pairs...))
		startApacheMain(t, s)
	}
}

// sharedHosting is what a hosting provider configures: Debian's userdir.conf, with no more
// allowed than has to be. The rest is .htaccess. The user's directory may be the top of a
// site, or somewhere in one.
const sharedHosting = `
<VirtualHost %[1]s>
	%[3]s
	<Directory %[2]s>
		Require all granted
		Options MultiViews Indexes SymLinksIfOwnerMatch IncludesNoExec
		AllowOverride %[4]s
	</Directory>
</VirtualHost>
`

// needed is the AllowOverride that the README and the file itself speak of.
const needed = "AuthConfig FileInfo Indexes Options=ExecCGI,Indexes,MultiViews"

// startHtaccess puts everything into the docroot, as a user without any other
// rights has to.
func startHtaccess(file string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		copyFile(t, s.cgi, filepath.Join(s.frontRoot, "mirror.cgi"), 0o755)
		text, err := os.ReadFile(s.config)
		if err != nil {
			t.Fatal(err)
		}
		toml := filepath.Join(s.frontRoot, "mirror.toml")
		if err := os.WriteFile(toml, append(text, "# "+canary+"\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		own(t, toml)
		var pairs []string
		where := "DocumentRoot " + s.frontRoot
		if s.base != "" {
			where = fmt.Sprintf("Alias %q %q", s.base, s.frontRoot)
			if strings.HasSuffix(file, "errordocument") && !s.made {
				pairs = []string{"/mirror.cgi", s.base + "/mirror.cgi"}
			}
		}
		writeFile(t, filepath.Join(s.frontRoot, ".htaccess"), s.deploy(t, file, pairs...))
		where += "\n" + s.admins
		writeFile(t, filepath.Join(s.dir, "site.conf"), fmt.Sprintf(sharedHosting, s.addr, s.frontRoot, where, cmp.Or(s.allows, needed)))
		startApacheMain(t, s)
	}
}

// lighttpdMain follows Debian's lighttpd.conf, its traps included.
const lighttpdMain = `
server.modules = ( "mod_indexfile", "mod_access", "mod_alias", "mod_redirect" )
server.bind = "%[2]s"
server.port = 8080
server.document-root = "%[1]s"
server.errorlog = "%[1]s/lighttpd-error.log"
server.upload-dirs = ( "%[1]s/run" )
server.pid-file = "%[1]s/lighttpd.pid"
%[3]s
server.http-parseopts = (
	"header-strict"           => "enable",
	"host-strict"             => "enable",
	"host-normalize"          => "enable",
	"url-normalize-unreserved"=> "enable",
	"url-normalize-required"  => "enable",
	"url-ctrls-reject"        => "enable",
	"url-path-2f-decode"      => "enable",
	"url-path-dotseg-remove"  => "enable",
)
index-file.names = ( "index.php", "index.html" )
url.access-deny = ( "~", ".inc" )
static-file.exclude-extensions = ( ".php", ".pl", ".fcgi" )
include_shell "/usr/share/lighttpd/create-mime.conf.pl"
include "%[1]s/site.conf"
server.modules += ( "mod_dirlisting", "mod_staticfile" )
`

func startLighttpd(file string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		lighttpd := server.Installed(t, "lighttpd", "lighttpd")
		user := ""
		if wwwData(t) != nil {
			user = "server.username = \"www-data\"\nserver.groupname = \"www-data\""
		}
		pairs := []string{"mirror.example.org", s.ip, "/srv/mirror", s.frontRoot}
		if s.front.handler == daemon {
			pairs = append(pairs, "/run/mirror/fcgi.sock", s.frontSocket)
		} else {
			pairs = append(pairs, "/usr/lib/cgi-bin/mirror-cgi", s.cgi, "/etc/mirror/mirror.toml", s.config)
		}
		main := filepath.Join(s.dir, "lighttpd.conf")
		writeFile(t, main, fmt.Sprintf(lighttpdMain, s.dir, s.ip, user))
		writeFile(t, filepath.Join(s.dir, "site.conf"), s.deploy(t, file, pairs...))
		// It reopens its log as www-data.
		writeFile(t, filepath.Join(s.dir, "lighttpd-error.log"), "")
		own(t, filepath.Join(s.dir, "lighttpd-error.log"))
		s.launch(t, nil, lighttpd, "-D", "-f", main)
		s.watch(t, "lighttpd-error.log")
	}
}

const caddyMain = `{
	admin off
	auto_https off
}
`

func startCaddy(t *testing.T, s *site) {
	caddy := server.Installed(t, "caddy", "caddy")
	main := filepath.Join(s.dir, "Caddyfile")
	writeFile(t, main, caddyMain+s.deploy(t, "caddy/Caddyfile",
		"http://mirror.example.org {", "http://:8080 {\n\tbind "+s.ip,
		"/srv/mirror", s.frontRoot,
		"/run/mirror/fcgi.sock", s.frontSocket))
	s.launch(t, wwwData(t), caddy, "run", "--adapter", "caddyfile", "--config", main)
}

// watch shows a log that the server itself writes, if the test fails.
func (s *site) watch(t *testing.T, log string) {
	t.Cleanup(func() {
		if t.Failed() {
			show(t, filepath.Join(s.dir, log))
		}
	})
}
