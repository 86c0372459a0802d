// Upstream serves a directory over HTTP on loopback: what `make run` mirrors
// when it is given nothing else.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "the `ADDRESS`; its URL is printed")
	dir := flag.String("dir", ".", "the `DIRECTORY`")
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/\n", l.Addr())
	server := &http.Server{Handler: http.FileServer(http.Dir(*dir)), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(l))
}
