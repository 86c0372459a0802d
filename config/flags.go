package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// FromFlags makes a configuration from the flags of the daemon, without a file;
// all that they do not say has its default. docroot is the value of -docroot,
// relative to the working directory. mirrors holds the values of -mirror, each
// "/PREFIX/=URL[,URL...]", the URLs in order of preference. http is the value
// of -http, which may be empty. Errors name the flag.
func FromFlags(docroot string, mirrors []string, http string) (*Config, error) {
	if len(mirrors) == 0 {
		return nil, errors.New("-mirror is missing: write it as -mirror /PREFIX/=URL, once for each prefix")
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("the working directory cannot be told (%w): change to another", err)
	}
	doc := &document{Docroot: docroot, Server: serverTable{HTTP: http}}
	for i, text := range mirrors {
		prefix, urls, ok := strings.Cut(text, "=")
		if !ok || !strings.HasPrefix(prefix, "/") {
			// The text is not repeated: it may be a URL with a password.
			return nil, fmt.Errorf("-mirror number %d is not understood: write it as -mirror /PREFIX/=URL or -mirror /PREFIX/=URL,URL", i+1)
		}
		table := mirrorTable{Prefix: prefix}
		if urls != "" {
			table.Upstream = strings.Split(urls, ",")
		}
		doc.Mirror = append(doc.Mirror, table)
	}
	c, problems := resolve(doc, dir, "")
	if len(problems) == 0 {
		return c, nil
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = fmt.Errorf("%s %s", flagOf(p.key, doc), p.text)
	}
	return nil, errors.Join(errs...)
}

// flagOf names the flag that a key of the document came from.
func flagOf(k key, doc *document) string {
	if k.table == mirrorKey {
		return fmt.Sprintf("-mirror %s: %s", doc.Mirror[k.index].Prefix, k.name)
	}
	return "-" + k.name // docroot and http are called like their keys
}
