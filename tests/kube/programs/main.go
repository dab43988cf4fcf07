// Gives the recorded cases to the released programs themselves and tells where one starts that was
// recorded as refused, or the other way round.
//
//	programs GOLDEN CACHE CASES MINOR
//
// A program has started when its flags and documents are read and validated: the kubelet says its
// version then, kube-apiserver looks for its etcd, the other two have written their configuration.
// It is ended there.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"haagent/common"
)

var rendered = map[string]string{
	"kubelet":        "master/var/lib/kubelet/config.yaml",
	"kube-proxy":     "master/etc/kubernetes/kube-proxy.yaml",
	"kube-scheduler": "master/etc/kubernetes/kube-scheduler.yaml",
}

// Refusals that come after that: the kubelet reads these fields when it makes its managers, and
// kube-scheduler's election begins when it runs. The programs of this folder ask for them on their own.
var later = regexp.MustCompile(`eviction|grace period|cannot reserve|resource quantity|quantities must match|` +
	`unable to parse quantity|unknown policy|container log max size|authorization mode|retryPeriod\*JitterFactor`)

type recorded struct {
	line    int
	program string
	verdict string
	why     string
	one     common.Case
}

// The cases and what was recorded of one minor.
func read(path string, minor int) []recorded {
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	var cases []recorded
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		heading, is := strings.CutPrefix(line, "=== ")
		switch {
		case is:
			heading, why, _ := strings.Cut(heading, " # ")
			words := strings.Fields(heading)
			this := recorded{line: number, program: words[0], why: why}
			for _, word := range words[1:] {
				span, verdict, _ := strings.Cut(word, ":")
				first, last, _ := strings.Cut(span, "-")
				from, err := strconv.Atoi(first)
				must(err)
				to := from
				if last != "" {
					to, err = strconv.Atoi(last)
					must(err)
				}
				if minor >= from && minor <= to {
					this.verdict = verdict
				}
			}
			cases = append(cases, this)
		case len(cases) == 0:
		case strings.HasPrefix(line, "--"):
			cases[len(cases)-1].one.Args = append(cases[len(cases)-1].one.Args, line)
		default:
			cases[len(cases)-1].one.Document += line + "\n"
		}
	}
	must(lines.Err())
	return cases
}

// Files that the flags below name.
func files(folder string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	certificate := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &certificate, &certificate, key.Public(), key)
	must(err)
	secret, err := x509.MarshalECPrivateKey(key)
	must(err)
	write := func(name string, data []byte) { must(os.WriteFile(filepath.Join(folder, name), data, 0600)) }
	write("tls.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write("tls.key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
	write("kubeconfig", []byte(`apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
users: [{name: a, user: {token: a}}]
current-context: a
`))
}

// With a port, kube-scheduler looks at what TLS it is to speak.
func freePort() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

func arguments(program, folder string) []string {
	config := "--config=" + folder + "/config.yaml"
	switch program {
	case "kubelet":
		return []string{config, "--root-dir=" + folder + "/kubelet", "--cert-dir=" + folder + "/pki"}
	case "kube-proxy":
		return []string{config, "--write-config-to=" + folder + "/out"}
	case "kube-scheduler":
		return []string{config, "--write-config-to=" + folder + "/out", "--bind-address=127.0.0.1", "--secure-port=" + freePort()}
	}
	return []string{
		"--advertise-address=10.0.0.1",
		"--etcd-servers=https://127.0.0.1:1",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + folder + "/tls.crt",
		"--service-account-signing-key-file=" + folder + "/tls.key",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file=" + folder + "/tls.crt",
		"--tls-private-key-file=" + folder + "/tls.key",
		"--authorization-mode=Node,RBAC",
	}
}

// starts runs the program until it has started, or ends.
func starts(binary, program, folder string, args []string) (bool, string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary, args...)
	command.Dir = folder
	reader, writer, err := os.Pipe()
	must(err)
	command.Stdout, command.Stderr = writer, writer
	must(command.Start())
	writer.Close()
	var said bytes.Buffer
	lines := bufio.NewReader(reader)
	started := false
	for {
		line, err := lines.ReadString('\n')
		said.WriteString(line)
		if program == "kubelet" && strings.Contains(line, `Kubelet version`) ||
			program == "kube-apiserver" && strings.Contains(line, `127.0.0.1:1"`) {
			started = true
			break
		}
		if err == io.EOF {
			break
		}
		must(err)
	}
	if started {
		must(command.Process.Kill())
	}
	err = command.Wait()
	reader.Close()
	if program == "kube-proxy" || program == "kube-scheduler" {
		started = err == nil
	}
	if ctx.Err() != nil {
		panic(program + " neither started nor ended")
	}
	return started, said.String()
}

func main() {
	golden, cache, casesFile := os.Args[1], os.Args[2], os.Args[3]
	minor, err := strconv.Atoi(os.Args[4])
	must(err)
	asked, differ, after := 0, 0, 0
	for _, this := range read(casesFile, minor) {
		if this.program == "kube-controller-manager" || this.verdict == "" {
			continue
		}
		folder, err := os.MkdirTemp("", "haagent-programs")
		must(err)
		files(folder)
		if path := rendered[this.program]; path != "" {
			under, err := os.ReadFile(fmt.Sprintf("%s/1.%d/%s", golden, minor, path))
			must(err)
			this.one.Under = string(under)
			whole := bytes.ReplaceAll(this.one.Whole(), []byte("/etc/kubernetes/scheduler.conf"), []byte(folder+"/kubeconfig"))
			// What is there on a node.
			whole = bytes.ReplaceAll(whole, []byte("/etc/kubernetes/pki/ca.crt"), []byte(folder+"/tls.crt"))
			must(os.WriteFile(folder+"/config.yaml", whole, 0600))
		}
		binary := fmt.Sprintf("%s/1.%d/programs/%s", cache, minor, this.program)
		started, said := starts(binary, this.program, folder, append(arguments(this.program, folder), this.one.Args...))
		must(os.RemoveAll(folder))
		asked++
		if started && this.verdict == "refused" && later.MatchString(this.why) {
			after++
			continue
		}
		if started != (this.verdict != "refused") {
			differ++
			input, _ := json.Marshal(this.one.Args)
			if len(said) > 1500 {
				said = said[len(said)-1500:]
			}
			fmt.Printf("%s:%d: %s 1.%d: recorded as %s, started: %v\n%s%s\n%s\n", casesFile, this.line, this.program, minor,
				this.verdict, started, this.one.Document, input, said)
		}
	}
	fmt.Printf("1.%d: %d cases given to the released programs, %d refused only once they run, %d differ from what was recorded\n",
		minor, asked, after, differ)
	if differ > 0 || asked == 0 {
		os.Exit(1)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
