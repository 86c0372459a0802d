package socket

import (
	"fmt"
	"net"
	"os"
)

// Notify tells systemd about the daemon, by the protocol of sd_notify(3):
// "READY=1", "STOPPING=1", "STATUS=...", several separated by newlines. Without
// NOTIFY_SOCKET it does nothing. An error is worth a line in the log and no more.
func Notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	// A leading @ means the abstract namespace, to systemd and to package net.
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("cannot notify systemd: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("cannot notify systemd: %w", err)
	}
	return nil
}
