package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// longFlags writes -config, which the other programs of the mirror have, as
// --config.
func longFlags(args []string) []string {
	long := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(long, args[i:]...)
		}
		if arg == "-config" || strings.HasPrefix(arg, "-config=") {
			arg = "-" + arg
		}
		long = append(long, arg)
	}
	return long
}

// flagError says in a sentence what is wrong with the flags of a command.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var without *pflag.ValueRequiredError
	var wrong *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(c, unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames())
	case errors.As(err, &without):
		kind, _ := pflag.UnquoteUsage(without.GetFlag())
		return fmt.Errorf("%s needs a value: --%s %s", dashed(without.GetSpecifiedName(), without.GetSpecifiedShortnames()), without.GetFlag().Name, kind)
	case errors.As(err, &wrong):
		kind := map[string]string{"int": "not a whole number", "bool": "neither true nor false"}[wrong.GetFlag().Value.Type()]
		if errors.Is(err, strconv.ErrRange) {
			kind = "too large"
		}
		if kind != "" {
			return fmt.Errorf("--%s: %q is %s", wrong.GetFlag().Name, wrong.GetValue(), kind)
		}
	}
	return err
}

// unknownFlag says of a flag that a command does not have where it belongs. If it is
// short, there is the word that it was found in.
func unknownFlag(c *cobra.Command, name, short string) error {
	flag := dashed(name, short)
	if c.HasSubCommands() {
		return fmt.Errorf("%s stands before the command: write mirrorctl COMMAND %[1]s, and see mirrorctl --help", flag)
	}
	if len(short) > 1 && c.Flags().Lookup(short) != nil {
		return fmt.Errorf("%s has no flag -%s: is --%[2]s meant?", c.Name(), short)
	}
	return fmt.Errorf("%s has no flag %s: see mirrorctl %[1]s --help", c.Name(), flag)
}

// dashed is a flag as it was written: of short ones there may be more in its word.
func dashed(name, short string) string {
	if short != "" {
		return "-" + name[:1]
	}
	return "--" + name
}
