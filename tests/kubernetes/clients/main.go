// Clients of the apiservers, by the transport that Kubernetes' own clients use: some keep one HTTP/2 connection, some open
// one for each request. Writers count a ConfigMap of their own upwards, readers read it. On SIGTERM each tells as a line of
// JSON what it did: a request that failed is told with its time, and never repeated by itself.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

type failure struct {
	At    string `json:"at"`
	After int64  `json:"afterMilliseconds"`
	Error string `json:"error"`
}

type report struct {
	Name     string    `json:"name"`
	Done     int       `json:"done"`
	Slowest  int64     `json:"slowestMilliseconds"`
	Failures []failure `json:"failures"`
	// The last write that was acknowledged is still there.
	Kept bool `json:"kept"`
}

type client struct {
	name, server, object string
	writes, keeps        bool
	trust                *tls.Config
	http                 *http.Client
}

func (c *client) connect() {
	transport := &http.Transport{
		TLSClientConfig:   c.trust.Clone(),
		ForceAttemptHTTP2: true,
		DisableKeepAlives: !c.keeps,
		// As client-go: a connection that answers no ping is given up.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
	c.http = &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func (c *client) request(method, path, kind string, body []byte) ([]byte, error) {
	asked, err := http.NewRequest(method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	asked.Header.Set("Content-Type", kind)
	answer, err := c.http.Do(asked)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s: %.200s", answer.Status, text)
	}
	return text, err
}

const folder = "/api/v1/namespaces/default/configmaps"

func (c *client) count() (int, error) {
	text, err := c.request("GET", folder+"/"+c.object, "application/json", nil)
	if err != nil {
		return 0, err
	}
	var found struct {
		Data map[string]string `json:"data"`
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return 0, err
	}
	return strconv.Atoi(found.Data["count"])
}

func (c *client) write(n int) error {
	_, err := c.request("PATCH", folder+"/"+c.object, "application/merge-patch+json",
		fmt.Appendf(nil, `{"data":{"count":"%d"}}`, n))
	return err
}

// The object is there before anything is counted.
func (c *client) prepare(ctx context.Context) error {
	for {
		_, err := c.request("POST", folder, "application/json", fmt.Appendf(nil, `{"metadata":{"name":"%s"},"data":{"count":"0"}}`, c.object))
		if err == nil {
			return nil
		}
		if _, read := c.count(); read == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *client) run(ctx context.Context, pause time.Duration) report {
	told := report{Name: c.name, Failures: []failure{}}
	c.connect()
	if err := c.prepare(ctx); err != nil {
		told.Failures = append(told.Failures, failure{Error: err.Error()})
		return told
	}
	for ctx.Err() == nil {
		began := time.Now()
		var err error
		if c.writes {
			err = c.write(told.Done + 1)
		} else {
			_, err = c.count()
		}
		took := time.Since(began).Milliseconds()
		if err != nil {
			told.Failures = append(told.Failures, failure{began.Format("15:04:05.000"), took, err.Error()})
		} else {
			told.Done++
		}
		told.Slowest = max(told.Slowest, took)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	told.Kept = !c.writes
	for range 50 {
		if n, err := c.count(); c.writes && err == nil {
			// A write whose answer was lost may be there as well.
			told.Kept = n == told.Done || n == told.Done+1
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return told
}

// Of which source this is (tests/kubernetes/build).
var source string

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	server := flag.String("server", "", "where the apiservers are")
	ca := flag.String("ca", "", "their authority")
	certificate := flag.String("certificate", "", "of these clients, with its key")
	of_each := flag.Int("of-each", 4, "so many writers that keep a connection, and that do not; half as many readers")
	pause := flag.Duration("pause", 100*time.Millisecond, "from one request to the next")
	flag.Parse()
	authority, err := os.ReadFile(*ca)
	must(err)
	pair, err := tls.LoadX509KeyPair(*certificate, *certificate)
	must(err)
	trust := &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}}
	trust.RootCAs.AppendCertsFromPEM(authority)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	var all sync.WaitGroup
	reports := make(chan report, 100)
	start := func(role, way string, n int) {
		name := fmt.Sprintf("%s-%s-%d", role, way, n)
		one := &client{name: name, server: *server, object: "of-" + name, writes: role == "writer", keeps: way == "kept", trust: trust}
		all.Go(func() { reports <- one.run(ctx, *pause) })
	}
	for _, way := range []string{"kept", "new"} {
		for n := range *of_each {
			start("writer", way, n)
			if n%2 == 0 {
				start("reader", way, n)
			}
		}
	}
	all.Wait()
	close(reports)
	for each := range reports {
		text, _ := json.Marshal(each)
		fmt.Println(string(text))
	}
}
