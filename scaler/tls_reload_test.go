package scaler

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
)

// hurried is a clock by which every handshake looks at the files.
func hurried() func() time.Time {
	var passed atomic.Int64
	return func() time.Time { return noon.Add(time.Duration(passed.Add(int64(2 * recheckAfter)))) }
}

// shake is one handshake of a client that would go on with an earlier session, and then waits for what a server has to
// say first, its settings and any ticket among it.
func shake(t *testing.T, addr string, c *tls.Config) (resumed bool, err error) {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: c}
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		return false, err
	}
	_, err = conn.Read(make([]byte, 1))
	return conn.(*tls.Conn).ConnectionState().DidResume, err
}

// A session ticket would let a caller in again whose CA is trusted no more.
func TestASessionDoesNotOutliveTheCAOfItsCaller(t *testing.T) {
	ca, callers := newAuthority(t), newAuthority(t)
	f := files{t.TempDir()}
	o := options(&board{s: snapshot(decided("llama", 1, 1))}, hurried())
	o.TLS = f.tls(t, ca, callers)
	addr, _ := tcp(t, o)
	cert, key := callers.sign(t, "keda")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{
		RootCAs: trusting(t, ca), ServerName: "forewarm-scaler", Certificates: []tls.Certificate{pair},
		NextProtos:         []string{"h2"},
		ClientSessionCache: tls.NewLRUClientSessionCache(8), MinVersion: tls.VersionTLS13,
	}
	for range 3 {
		if resumed, err := shake(t, addr, c); err != nil || resumed {
			t.Fatalf("want a whole handshake, got resumed %t (%v)", resumed, err)
		}
	}
	f.write(t, "ca.crt", newAuthority(t).Cert)
	if resumed, err := shake(t, addr, c); err == nil {
		t.Errorf("want the caller refused once its CA is, got in, resumed %t", resumed)
	}
}

// Files are replaced one by one, while callers come. None of them meets a pair that does not fit, and what was refused
// once is judged anew when it is whole.
func TestCallersDoNotMeetHalfWrittenFiles(t *testing.T) {
	old, next, callers := newAuthority(t), newAuthority(t), newAuthority(t)
	f := files{t.TempDir()}
	o := options(&board{s: snapshot(decided("llama", 1, 1))}, hurried())
	o.HoldFor, o.TLS = func() time.Duration { return 1000 * time.Hour }, f.tls(t, old, callers)
	server := serve(t, o)
	cert, key := callers.sign(t, "keda")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	both := func() credentials.TransportCredentials {
		return credentials.NewTLS(&tls.Config{
			RootCAs: trusting(t, old, next), ServerName: "forewarm-scaler", Certificates: []tls.Certificate{pair},
			MinVersion: tls.VersionTLS13,
		})
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			serverCert, serverKey := []authority{old, next}[i%2].sign(t, "forewarm-scaler")
			f.replace(t, "tls.crt", serverCert)
			f.replace(t, "tls.key", serverKey)
		}
	})
	var calling sync.WaitGroup
	for range 4 {
		calling.Go(func() {
			for range 10 {
				if got := asks(t, server, both()); got != codes.OK {
					t.Errorf("want every caller served, got %s", got)
				}
			}
		})
	}
	calling.Wait()
	close(stop)
	writing.Wait()
	if sum(t, server, "forewarm_scaler_tls_reloads_total") < 3 {
		t.Error("want the files taken over, and halves refused, while callers came")
	}
	lastCert, lastKey := next.sign(t, "forewarm-scaler")
	f.replace(t, "tls.crt", lastCert)
	asks(t, server, both())
	f.replace(t, "tls.key", lastKey)
	if got := asks(t, server, client(t, next, cert, key)); got != codes.OK {
		t.Errorf("want the last pair in use once it is whole, got %s", got)
	}
}

// replace is how a kubelet writes: at once, for each file.
func (f files) replace(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.Rename(f.write(t, name+".new", b), filepath.Join(f.dir, name)); err != nil {
		t.Error(err)
	}
}
