// Package remotewrite gives a Prometheus server a past: tests need one, and nobody can wait for it.
package remotewrite

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/prompb"
)

// Write sends series to a server by remote write, version 1. The server must accept samples that are so old, and
// out of order.
func Write(ctx context.Context, url string, series []prompb.TimeSeries) error {
	request := prompb.WriteRequest{Timeseries: series}
	body, err := request.Marshal()
	if err != nil {
		return fmt.Errorf("encode the past: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/write", bytes.NewReader(snappy(body)))
	if err != nil {
		return fmt.Errorf("write the past: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("write the past: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body) // a cut text still says something
		return fmt.Errorf("write the past: %s: %s", resp.Status, text)
	}
	return nil
}

// snappy wraps bytes in the snappy block format without compressing them: the length, then literals of up to 64
// KiB.
func snappy(b []byte) []byte {
	out := binary.AppendUvarint(nil, uint64(len(b)))
	for len(b) > 0 {
		n := min(len(b), 1<<16)
		out = append(out, 61<<2, byte(n-1), byte((n-1)>>8))
		out = append(out, b[:n]...)
		b = b[n:]
	}
	return out
}
