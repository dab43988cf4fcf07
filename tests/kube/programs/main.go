// Gives the recorded cases to the released programs themselves and tells where one starts that was
// recorded as refused, or the other way round.
//
//	programs GOLDEN CACHE CASES MINOR
//
// A program has started when its flags and documents are read and validated: the kubelet says its
// version then, kube-apiserver looks for its etcd, the other two have written their configuration.
// It is ended there. What it refuses only later is given to it again, to run: the kubelet with a
// container runtime that has nothing but a version, as root and in a network of its own.
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
	"syscall"
	"time"

	"google.golang.org/grpc"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

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

// What the kubelet takes on cgroup v2 alone.
var ofUnified = regexp.MustCompile(`(?m)^singleProcessOOMKill: (false|no|off|n)$`)

// Whether the machine has cgroup v2 alone.
func unified() bool {
	_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
	return err == nil
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

type containerRuntime struct {
	runtimeapi.UnimplementedRuntimeServiceServer
	runtimeapi.UnimplementedImageServiceServer
}

func (containerRuntime) Version(context.Context, *runtimeapi.VersionRequest) (*runtimeapi.VersionResponse, error) {
	return &runtimeapi.VersionResponse{Version: "0.1.0", RuntimeName: "none", RuntimeVersion: "1.0.0", RuntimeApiVersion: "v1"}, nil
}

func (containerRuntime) ImageFsInfo(context.Context, *runtimeapi.ImageFsInfoRequest) (*runtimeapi.ImageFsInfoResponse, error) {
	return &runtimeapi.ImageFsInfoResponse{}, nil
}

// ends runs the program until it ends, a minute at the most: whether it did, and what it said.
func ends(binary, program, folder string, args []string) (bool, string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary, args...)
	if program == "kubelet" {
		listener, err := net.Listen("unix", folder+"/cri.sock")
		must(err)
		server := grpc.NewServer()
		runtimeapi.RegisterRuntimeServiceServer(server, containerRuntime{})
		runtimeapi.RegisterImageServiceServer(server, containerRuntime{})
		go func() { _ = server.Serve(listener) }()
		defer server.Stop()
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	}
	command.Dir = folder
	said, err := command.CombinedOutput()
	return err != nil && ctx.Err() == nil, string(said)
}

// What is added to the arguments so that the program runs, for as long as it can here.
func running(program, folder string, args []string) []string {
	if program == "kubelet" {
		return append(args, "--kubeconfig="+folder+"/kubeconfig", "--cgroup-driver=cgroupfs",
			"--container-runtime-endpoint=unix://"+folder+"/cri.sock")
	}
	// Without an apiserver kube-scheduler waits for its caches, and stands for election then.
	config := map[string]any{}
	data, err := os.ReadFile(folder + "/config.yaml")
	must(err)
	must(json.Unmarshal(data, &config))
	config["delayCacheUntilActive"] = true
	data, err = json.Marshal(config)
	must(err)
	must(os.WriteFile(folder+"/config.yaml", data, 0600))
	var left []string
	for _, arg := range args {
		if !strings.HasPrefix(arg, "--write-config-to=") {
			left = append(left, arg)
		}
	}
	return left
}

func main() {
	golden, cache, casesFile := os.Args[1], os.Args[2], os.Args[3]
	minor, err := strconv.Atoi(os.Args[4])
	must(err)
	asked, differ, after, unasked := 0, 0, 0, 0
	for _, this := range read(casesFile, minor) {
		if this.program == "kube-controller-manager" || this.verdict == "" {
			continue
		}
		if this.program == "kubelet" && !unified() && ofUnified.MatchString(this.one.Document) {
			unasked++
			continue
		}
		folder, err := os.MkdirTemp("", "haagent-programs")
		must(err)
		files(folder)
		if path := rendered[this.program]; path != "" {
			under, err := os.ReadFile(fmt.Sprintf("%s/1.%d/%s", golden, minor, path))
			must(err)
			this.one.Under = string(under)
			if this.program == "kubelet" && !unified() {
				// Such a machine stops every kubelet, whatever the case says.
				this.one.Under += "failCgroupV1: false\n"
			}
			whole := bytes.ReplaceAll(this.one.Whole(), []byte("/etc/kubernetes/scheduler.conf"), []byte(folder+"/kubeconfig"))
			// What is there on a node.
			whole = bytes.ReplaceAll(whole, []byte("/etc/kubernetes/pki/ca.crt"), []byte(folder+"/tls.crt"))
			must(os.WriteFile(folder+"/config.yaml", whole, 0600))
		}
		binary := fmt.Sprintf("%s/1.%d/released/%s", cache, minor, this.program)
		args := append(arguments(this.program, folder), this.one.Args...)
		started, said := starts(binary, this.program, folder, args)
		if started && this.verdict == "refused" && later.MatchString(this.why) {
			var ended bool
			if this.program == "kubelet" && os.Getuid() != 0 {
				unasked++ // it runs as root alone
				started = false
			} else if ended, said = ends(binary, this.program, folder, running(this.program, folder, args)); ended {
				started = false
				if !strings.Contains(plain(said), plain(heart(this.why))) {
					unasked++
					fmt.Printf("%s:%d: %s 1.%d refuses it when it runs, and not for: %s\n%s\n", casesFile, this.line,
						this.program, minor, this.why, lastOf(said))
				} else {
					after++
				}
			}
		}
		must(os.RemoveAll(folder))
		asked++
		if started != (this.verdict != "refused") {
			differ++
			input, _ := json.Marshal(this.one.Args)
			fmt.Printf("%s:%d: %s 1.%d: recorded as %s, started: %v\n%s%s\n%s\n", casesFile, this.line, this.program, minor,
				this.verdict, started, this.one.Document, input, lastOf(said))
		}
	}
	fmt.Printf("1.%d: %d cases given to the released programs, %d refused only once they run, %d not to be asked on "+
		"this machine, %d differ from what was recorded\n", minor, asked, after, unasked, differ)
	if differ > 0 || asked == 0 {
		os.Exit(1)
	}
}

// Without what a log's line adds to quotes.
func plain(text string) string { return strings.NewReplacer("\\", "", "\"", "").Replace(text) }

// The longest part of an error, without what is around it.
func heart(why string) string {
	longest := ""
	for _, part := range strings.Split(why, ": ") {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

func lastOf(said string) string { return said[max(0, len(said)-1500):] }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
