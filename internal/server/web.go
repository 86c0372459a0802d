package server

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// digest is Password as an htpasswd file has it, with {SHA}.
const digest = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="

// Nginx starts nginx as www-data, with listings. more is added to its server block.
func (s *Server) Nginx(more string) {
	s.nginx("www-data", fmt.Sprintf("server {\n\tlisten %s;\n\troot %s;\n\tautoindex on;\n%s\n}", s.Addr, s.Root, more))
}

// NginxOf starts nginx as the test's own user, with the given server blocks in the place
// of one that serves Root.
func (s *Server) NginxOf(servers string) { s.nginx("root", servers) }

func (s *Server) nginx(user, servers string) {
	s.t.Helper()
	s.Run(Installed(s.t, "nginx", "nginx-light"), "-p", s.Dir, "-g", "daemon off;", "-c", s.Write("conf", fmt.Sprintf(`
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
	%[3]s
}
`, asRoot("user "+user+";"), s.Dir, servers), 0o644))
}

// NginxUsers is what to add to a server block that asks for User and Password.
func (s *Server) NginxUsers() string {
	return "auth_basic mirror;\nauth_basic_user_file " + s.users() + ";"
}

func (s *Server) users() string { return s.Write("users", User+":"+digest+"\n", 0o644) }

// Deployed returns a file of deploy/ with some of its texts replaced: addresses and
// directories, by those of the test. A text that the file does not have ends the test.
func Deployed(t testing.TB, file string, places map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for documented, here := range places {
		if !bytes.Contains(text, []byte(documented)) {
			t.Fatalf("%s does not say %q", file, documented)
		}
		text = bytes.ReplaceAll(text, []byte(documented), []byte(here))
	}
	return string(text)
}

// Apache starts Apache with listings: indexOptions says how they look, access who may
// read them.
func (s *Server) Apache(indexOptions, access string) {
	s.t.Helper()
	var load strings.Builder
	for name := range strings.FieldsSeq("mpm_event authz_core authz_user authn_core authn_file auth_basic mime dir autoindex") {
		fmt.Fprintf(&load, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", name, name)
	}
	s.Run(Installed(s.t, "apache2", "apache2"), "-DFOREGROUND", "-f", s.Write("conf", fmt.Sprintf(`
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
	IndexOptions FancyIndexing NameWidth=* %[5]s
	DirectoryIndex disabled
	%[6]s
</Directory>
`, load.String()+asRoot("User www-data\nGroup www-data\n"), s.Dir, s.Addr, s.Root, indexOptions, access), 0o644))
}

// ApacheUsers is the access of an Apache that asks for User and Password.
func (s *Server) ApacheUsers() string {
	return "AuthType Basic\n\tAuthName mirror\n\tAuthUserFile " + s.users() + "\n\tRequire valid-user"
}
