// Command adapter measures what a request for custom metrics costs: of Forewarm, of
// prometheus-adapter, and of the floor, one after another on the same API server,
// etcd and Prometheus. See docs/benchmarks.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type settings struct {
	dir      string
	forewarm string
	floor    string
	sizes    []int
	clients  []int
	cell     time.Duration
	idle     time.Duration
	only     string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s settings
	flag.StringVar(&s.forewarm, "forewarm", "", "the forewarm binary")
	flag.StringVar(&s.floor, "floor", "", "the floor binary")
	sizes := flag.String("pods", "10,100,1000,5000", "pods per request")
	clients := flag.String("clients", "1,5", "clients at once")
	flag.DurationVar(&s.cell, "cell", 15*time.Second, "time per row: a tick of Forewarm's, so that each row holds one")
	flag.DurationVar(&s.idle, "idle", 30*time.Second, "time without requests, for the background cost")
	flag.StringVar(&s.only, "only", "", "measure only these, with commas: forewarm, floor, prometheus-adapter")
	flag.Parse()
	var err error
	if s.sizes, err = numbers(*sizes); err != nil {
		return err
	}
	if s.clients, err = numbers(*clients); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "forewarm-bench"); err != nil {
		return err
	}
	b, err := newBench(ctx, s)
	defer func() {
		if e := b.close(); e != nil {
			fmt.Fprintln(os.Stderr, "bench: stop:", e)
		}
		if err == nil {
			_ = os.RemoveAll(s.dir)
		} else {
			fmt.Fprintln(os.Stderr, "bench: logs are in", s.dir)
		}
	}()
	if err != nil {
		return err
	}
	err = b.measure(ctx, os.Stdout)
	return err
}

func numbers(list string) ([]int, error) {
	var out []int
	for _, word := range strings.Split(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("want numbers above 0, got %q", word)
		}
		out = append(out, n)
	}
	return out, nil
}
