// Makes the cases: pieces that are valid, each as it is and changed in one place, by a seed.
//
//	mutate SEEDS TABLES SEED
//
// prints a case a line: {"program": ..., "document": ...} or {"program": ..., "args": [...]}.
package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

type one struct {
	Program  string   `json:"program"`
	Document string   `json:"document,omitempty"`
	Args     []string `json:"args,omitempty"`
}

// raw is written as it stands, whatever quotes a value would need.
type raw string

var random *rand.Rand
var seen = map[string]bool{}

func give(c one) {
	line, err := json.Marshal(c)
	must(err)
	if !seen[string(line)] {
		seen[string(line)] = true
		fmt.Println(string(line))
	}
}

// print writes a tree as YAML in flow style, the outermost map in block style.
func print(value any, top bool) string {
	switch v := value.(type) {
	case map[string]any:
		var keys, parts []string
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			name := key
			if strings.ContainsAny(key, "*: {}[],&#?|<>=!%@`\"'") || key == "" {
				name = strconv.Quote(key)
			}
			parts = append(parts, name+": "+print(v[key], false))
		}
		if top {
			return strings.Join(parts, "\n") + "\n"
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, print(item, false))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return strconv.Quote(v)
	case raw:
		return string(v)
	case nil:
		return "null"
	default:
		data, err := json.Marshal(v)
		must(err)
		return string(data)
	}
}

func copyOf(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, item := range v {
			out[key] = copyOf(item)
		}
		return out
	case []any:
		var out []any
		for _, item := range v {
			out = append(out, copyOf(item))
		}
		return out
	}
	return value
}

// place is a value within a tree: its map and key, or its list and index.
type place struct {
	in    map[string]any
	key   string
	list  []any
	index int
}

func (p place) get() any {
	if p.in != nil {
		return p.in[p.key]
	}
	return p.list[p.index]
}

func (p place) set(value any) {
	if p.in != nil {
		p.in[p.key] = value
	} else {
		p.list[p.index] = value
	}
}

func places(value any) []place {
	var out []place
	switch v := value.(type) {
	case map[string]any:
		var keys []string
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			out = append(out, place{in: v, key: key})
			out = append(out, places(v[key])...)
		}
	case []any:
		for i := range v {
			out = append(out, place{list: v, index: i})
			out = append(out, places(v[i])...)
		}
	}
	return out
}

func misspell(name string) string {
	if len(name) < 3 {
		return name + "x"
	}
	at := 1 + random.Intn(len(name)-2)
	other := name
	switch random.Intn(5) {
	case 0:
		other = name[:at] + name[at+1:]
	case 1:
		other = name[:at] + string(name[at+1]) + string(name[at]) + name[at+2:]
	case 2:
		other = name + "s"
	case 3:
		other = strings.ToLower(name)
	case 4:
		other = strings.ToUpper(name[:1]) + name[1:]
	}
	if other == name {
		other += "x"
	}
	return other
}

// wrong gives another value for one that is good.
func wrong(value any) any {
	pick := func(values ...any) any { return values[random.Intn(len(values))] }
	switch v := value.(type) {
	case bool:
		return pick("true", raw("yes"), raw("no"), raw("on"), 1, 0, "yes", []any{v}, raw("y"), !v)
	case float64:
		return pick(strconv.Itoa(int(v)), v+0.5, -1.0, -v-1, raw("0x1F"), raw("0644"), raw("1_000"), raw("1e3"),
			99999999999.0, []any{v}, true, "many", raw(fmt.Sprintf("%d.0", int(v))), 0.0, 65536.0, 101.0, 2147483648.0, raw("089"), raw("~"))
	case string:
		if v != "" && strings.IndexByte("0123456789", v[0]) >= 0 {
			return pick(30, "30", v+" ", "1.5h", "-"+v, v+"x", raw("30"), true, []any{v}, raw("1h30m"), strings.ToUpper(v), "0", "5 s", "0s", raw("0"), "1e3", "250%", "")
		}
		return pick(5, true, []any{v}, map[string]any{}, misspell(v), strings.ToUpper(v), "", raw("no"), raw("1.5"), raw("~"), v+" ")
	case []any:
		if len(v) > 0 {
			return pick(v[0], map[string]any{"a": v}, "a,b", append(copyOf(v).([]any), v[0]), []any{}, 5)
		}
		return 5
	case map[string]any:
		return pick([]any{v}, "a=b", true, map[string]any{}, 5)
	}
	return 5
}

func mutated(program string, base any) {
	whole := copyOf(base)
	all := places(whole)
	at := all[random.Intn(len(all))]
	switch kind := random.Intn(10); {
	case kind < 3 && at.in != nil: // another name
		value := at.get()
		delete(at.in, at.key)
		at.in[misspell(at.key)] = value
	case kind == 3 && at.in != nil: // a field from elsewhere
		at.in[[]string{"enabled", "kubeletCgroup", "config", "mode2", "runtimeCgroups", "metadata", "spec"}[random.Intn(7)]] = at.get()
	case kind == 4 && at.in != nil: // a dot for nesting
		value := at.get()
		delete(at.in, at.key)
		at.in[at.key+".enabled"] = value
	default:
		at.set(wrong(at.get()))
	}
	give(one{Program: program, Document: print(whole, true)})
}

// emptied sets one place to what stands for nothing there: "", 0, null, [] or {}; or lets an element
// stand twice. Its numbers are its own: pieces that are added change no other's cases.
func emptied(program string, base any, text string, seed int64, times int) {
	sum := fnv.New64a()
	fmt.Fprint(sum, program, text, seed)
	own := rand.New(rand.NewSource(int64(sum.Sum64())))
	pick := func(values ...any) any { return values[own.Intn(len(values))] }
	for i := 0; i < times; i++ {
		whole := copyOf(base)
		all := places(whole)
		at := all[own.Intn(len(all))]
		switch v := at.get().(type) {
		case bool:
			at.set(pick(nil, false))
		case float64:
			at.set(pick(nil, 0.0))
		case string:
			at.set(pick("", "", nil))
		case []any:
			if len(v) > 0 {
				at.set(pick([]any{}, nil, []any{nil}, append(copyOf(v).([]any), v[own.Intn(len(v))])))
			}
		case map[string]any:
			at.set(pick(map[string]any{}, nil))
		}
		give(one{Program: program, Document: print(whole, true)})
	}
}

// What a mutation of trees does not come to: YAML's own ways.
var written = []one{
	{Program: "kubelet", Document: "failSwapOn: no\nrotateCertificates: yes\n"},
	{Program: "kubelet", Document: "cgroupDriver: on\n"},
	{Program: "kubelet", Document: "maxPods: 0x6E\n"},
	{Program: "kubelet", Document: "maxPods: 0156\n"},
	{Program: "kubelet", Document: "maxPods: 1_10\n"},
	{Program: "kubelet", Document: "maxPods: !!int \"110\"\n"},
	{Program: "kubelet", Document: "maxPods: !!str 110\n"},
	{Program: "kubelet", Document: "maxPods: \"110\"\n"},
	{Program: "kubelet", Document: "shutdownGracePeriod: 60\n"},
	{Program: "kubelet", Document: "shutdownGracePeriod: 1m\nshutdownGracePeriodCriticalPods: 2m\n"},
	{Program: "kubelet", Document: "evictionHard: {memory.available: 200}\n"},
	{Program: "kubelet", Document: "evictionHard: &a {memory.available: 200Mi}\nevictionSoftGracePeriod: {memory.available: 1m}\nevictionSoft: *a\n"},
	{Program: "kubelet", Document: "evictionHard: &a {memory.available: 200Mi}\nevictionSoft: {<<: *a}\nevictionSoftGracePeriod: {memory.available: 1m}\n"},
	{Program: "kubelet", Document: "clusterDNS: 10.96.0.10\n"},
	{Program: "kubelet", Document: "{\"maxPods\": 50, \"failSwapOn\": false}\n"},
	{Program: "kubelet", Document: "maxPods: ~\n"},
	{Program: "kubelet", Document: "authentication:\n  anonymous: false\n"},
	{Program: "kubelet", Document: "authentication.anonymous.enabled: false\n"},
	{Program: "kubelet", Document: "systemReserved: {cpu: 1}\n"},
	{Program: "kubelet", Document: "systemReserved: cpu=1\n"},
	{Program: "kubelet", Document: "kubeReserved: {disk: 1Gi}\n"},
	{Program: "kubelet", Document: "logging: {verbosity: \"2\"}\n"},
	{Program: "kubelet", Document: "logging: {flushFrequency: 5000000000}\n"},
	{Program: "kubelet", Document: "logging: {format: yaml}\n"},
	{Program: "kubelet", Document: "runOnce: true\n"},
	{Program: "kubelet", Document: "showHiddenMetricsForVersion: \"1.20\"\n"},
	{Program: "kubelet", Document: "memorySwap: {swapBehavior: UnlimitedSwap}\n"},
	{Program: "kubelet", Document: "imagePullCredentialsVerificationPolicy: NeverVerify\n"},
	{Program: "kubelet", Document: "shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 30}]\n"},
	{Program: "kubelet", Document: "enforceNodeAllocatable: [pods, system-reserved]\n"},
	{Program: "kubelet", Document: "enforceNodeAllocatable: [none, pods]\n"},
	{Program: "kubelet", Document: "cpuCFSQuotaPeriod: 50ms\n"},
	{Program: "kubelet", Document: "maxParallelImagePulls: 4\nserializeImagePulls: true\n"},
	{Program: "kubelet", Document: "evictionSoft: {memory.available: 500Mi}\n"},
	{Program: "kubelet", Document: "evictionHard: {memory.avail: 5%}\n"},
	{Program: "kubelet", Document: "evictionHard: {memory.available: 105%}\n"},
	{Program: "kubelet", Document: "evictionHard: {memory.available: \"0\"}\n"},
	{Program: "kubelet", Document: "containerLogMaxSize: 10MB\n"},
	{Program: "kubelet", Document: "memoryThrottlingFactor: 0.8\n"},
	{Program: "kubelet", Document: "imageMaximumGCAge: 1m\n"},
	{Program: "kubelet", Document: "crashLoopBackOff: {maxContainerRestartPeriod: 60s}\n"},
	{Program: "kubelet", Document: "tlsCurvePreferences: [X25519]\n"},
	{Program: "kubelet", Document: "reservedSystemCPUs: 3-1\n"},
	{Program: "kubelet", Document: "topologyManagerPolicyOptions: {prefer-closest-numa-nodes: true}\n"},
	{Program: "kube-proxy", Document: "mode: userspace\n"},
	{Program: "kube-proxy", Document: "mode: IPVS\n"},
	{Program: "kube-proxy", Document: "conntrack: {maxPerCore: \"32768\"}\n"},
	{Program: "kube-proxy", Document: "metricsBindAddress: 0.0.0.0\n"},
	{Program: "kube-proxy", Document: "metricsBindAddress: \":10249\"\n"},
	{Program: "kube-proxy", Document: "healthzBindAddress: localhost:10256\n"},
	{Program: "kube-proxy", Document: "nodePortAddresses: [primary]\n"},
	{Program: "kube-proxy", Document: "nodePortAddresses: [localhost]\n"},
	{Program: "kube-proxy", Document: "nodePortAddresses: [10.0.0.1]\n"},
	{Program: "kube-proxy", Document: "iptables: {syncPeriod: 30, minSyncPeriod: 0s}\n"},
	{Program: "kube-proxy", Document: "iptables: {syncPeriod: 1s, minSyncPeriod: 10s}\n"},
	{Program: "kube-proxy", Document: "clusterCIDR: 10.244.0.0\n"},
	{Program: "kube-proxy", Document: "clusterCIDR: 10.244.0.0/16,10.245.0.0/16\n"},
	{Program: "kube-proxy", Document: "detectLocalMode: BridgeInterface\n"},
	{Program: "kube-proxy", Document: "detectLocalMode: NodeCIDRs\n"},
	{Program: "kube-proxy", Document: "winkernel: {enableDSR: yes}\n"},
	{Program: "kube-proxy", Document: "portRange: \"\"\nudpIdleTimeout: 1s\n"},
	{Program: "kube-scheduler", Document: "leaderElection: {renewDeadline: 20s}\n"},
	{Program: "kube-scheduler", Document: "leaderElection: {retryPeriod: 9s}\n"},
	{Program: "kube-scheduler", Document: "leaderElection: {leaseDuration: 15}\n"},
	{Program: "kube-scheduler", Document: "leaderElection: {resourceLock: endpoints}\n"},
	{Program: "kube-scheduler", Document: "profiles: [{schedulerName: a}, {schedulerName: a}]\n"},
	{Program: "kube-scheduler", Document: "profiles: [{schedulerName: a}, {plugins: {}}]\n"},
	{Program: "kube-scheduler", Document: "profiles: [{plugins: {score: {enabled: [{name: SelectorSpread}]}}}]\n"},
	{Program: "kube-scheduler", Document: "profiles: [{plugins: {filter: {enabled: [{name: EBSLimits}]}}}]\n"},
	{Program: "kube-scheduler", Document: "profiles: [{plugins: {multiPoint: {enabled: [{name: Coscheduling}]}}}]\n"},
	{Program: "kube-scheduler", Document: "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Tight}}}]}]\n"},
	{Program: "kube-scheduler", Document: "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {kind: NodeAffinityArgs}}]}]\n"},
	{Program: "kube-scheduler", Document: "profiles: [{pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: 200}}]}]\n"},
	{Program: "kube-scheduler", Document: "profiles: [{pluginConfig: [{name: Unknown, args: {a: 1}}]}]\n"},
	{Program: "kube-scheduler", Document: "profiles: []\n"},
	{Program: "kube-scheduler", Document: "healthzBindAddress: 0.0.0.0:10251\n"},
	{Program: "kube-scheduler", Document: "parallelism: 0\n"},
	{Program: "kube-apiserver", Args: []string{"--cloud-provider=external"}},
	{Program: "kube-apiserver", Args: []string{"--insecure-port=0"}},
	{Program: "kube-apiserver", Args: []string{"--enable-admission-plugins=PodSecurityPolicy"}},
	{Program: "kube-apiserver", Args: []string{"--runtime-config=bacth/v1=true"}},
	{Program: "kube-apiserver", Args: []string{"--runtime-config=batch/v1"}},
	{Program: "kube-apiserver", Args: []string{"--feature-gates=kube:AllAlpha=false"}},
	{Program: "kube-apiserver", Args: []string{"--feature-gates=AllAlpha"}},
	{Program: "kube-apiserver", Args: []string{"--profiling=no"}},
	{Program: "kube-apiserver", Args: []string{"--request-timeout=60"}},
	{Program: "kube-apiserver", Args: []string{"--audit_log_maxage=30"}},
	{Program: "kubelet", Args: []string{"--pod-infra-container-image=pause:3.9"}},
	{Program: "kubelet", Args: []string{"--network-plugin=cni"}},
	{Program: "kubelet", Args: []string{"--register-schedulable=false"}},
	{Program: "kube-controller-manager", Args: []string{"--pod-eviction-timeout=5m"}},
	{Program: "kube-controller-manager", Args: []string{"--cloud-provider=external"}},
}

// The rows of tables.inc below one heading, for one minor: name and the rest.
func rows(tables, heading string) [][]string {
	var out [][]string
	in := false
	for _, line := range strings.Split(tables, "\n") {
		if strings.HasPrefix(line, "[") {
			in = line == "["+heading+"]"
		} else if in && line != "" {
			out = append(out, strings.Fields(line))
		}
	}
	return out
}

func flagValues(kind string) (good, bad []string) {
	switch kind {
	case "bool":
		return []string{"true", "false", "T", "0"}, []string{"yes", "no", "on", "2", "TRue"}
	case "duration":
		return []string{"30s", "1h30m", "0s"}, []string{"30", "5 s", "1d", "10seconds"}
	case "int", "int32", "int64":
		return []string{"5", "0x10", "12"}, []string{"5.0", "five", "1e3", "99999999999999999999"}
	case "float32", "float64":
		return []string{"0.5", "1", "1e-1"}, []string{"half", "0,5", "50%"}
	case "ip":
		return []string{"127.0.0.1", "::1"}, []string{"localhost", "10.0.0.0/8", "10.0.0.256"}
	case "stringToString", "mapStringString":
		return []string{"a=b"}, []string{"a", "a:b"}
	}
	return []string{}, []string{}
}

// Values of these may be of the type and still wrong: what they mean is not asked here.
var untried = map[string]bool{"help": true, "version": true}

// some picks rows by a number made of their name and the seed: the same ones when others are added.
// random begins anew at each, for the same reason.
func some(all [][]string, of string, seed int64, count int, each func([]string)) {
	number := func(row []string) uint64 {
		sum := fnv.New64a()
		fmt.Fprint(sum, of, row[0], seed)
		return sum.Sum64()
	}
	sorted := append([][]string{}, all...)
	sort.SliceStable(sorted, func(i, j int) bool { return number(sorted[i]) < number(sorted[j]) })
	for i, row := range sorted {
		if i == count {
			break
		}
		random = rand.New(rand.NewSource(int64(number(row))))
		each(row)
	}
}

func flags(tables string, seed int64) {
	programs := []string{"kubelet", "kube-proxy", "kube-scheduler", "kube-apiserver", "kube-controller-manager"}
	for _, program := range programs {
		all := rows(tables, "flags "+program)
		some(all, program, seed, 20, func(row []string) {
			if untried[row[0]] {
				return
			}
			if _, bad := flagValues(row[1]); len(bad) > 0 {
				give(one{Program: program, Args: []string{"--" + row[0] + "=" + bad[random.Intn(len(bad))]}})
			}
			if random.Intn(3) == 0 {
				give(one{Program: program, Args: []string{"--" + misspell(row[0]) + "=1"}})
			}
		})
		// What some releases have and others not.
		for _, row := range all {
			if len(row) > 2 && !strings.HasPrefix(row[2], "!") && !untried[row[0]] {
				value := map[string]string{"bool": "true", "duration": "30s", "ip": "127.0.0.1"}[row[1]]
				if value == "" {
					value = "5"
				}
				if row[1] == "string" || row[1] == "stringSlice" || row[1] == "int32Slice" {
					continue // what it means is not known
				}
				give(one{Program: program, Args: []string{"--" + row[0] + "=" + value}})
			}
		}
	}
}

func gates(tables string, seed int64) {
	programs := []string{"kubelet", "kube-apiserver", "kube-scheduler", "kube-controller-manager"}
	some(rows(tables, "gates"), "", seed, 70, func(row []string) {
		name := row[0]
		on := []string{"true", "false"}[random.Intn(2)]
		if random.Intn(9) == 0 {
			name = misspell(name)
		}
		switch random.Intn(5) {
		case 0, 1:
			give(one{Program: "kubelet", Document: "featureGates: {" + name + ": " + on + "}\n"})
		case 2:
			give(one{Program: "kube-proxy", Document: "featureGates: {" + name + ": " + on + "}\n"})
		default:
			give(one{Program: programs[random.Intn(4)], Args: []string{"--feature-gates=" + name + "=" + on}})
		}
	})
}

func main() {
	folder, tablesFile := os.Args[1], os.Args[2]
	seed, err := strconv.ParseInt(os.Args[3], 10, 64)
	must(err)
	random = rand.New(rand.NewSource(seed))
	tables, err := os.ReadFile(tablesFile)
	must(err)
	times := map[string]int{"kubelet": 7, "kube-proxy": 6, "kube-scheduler": 6}
	for _, program := range []string{"kubelet", "kube-proxy", "kube-scheduler"} {
		data, err := os.ReadFile(folder + "/" + program + ".yaml")
		must(err)
		for _, text := range strings.Split(string(data), "\n---\n") {
			var piece any
			must(yaml.Unmarshal([]byte(text), &piece))
			give(one{Program: program, Document: print(piece, true)})
			for i := 0; i < times[program]; i++ {
				mutated(program, piece)
			}
			emptied(program, piece, text, seed, 4)
		}
	}
	for _, c := range written {
		give(c)
	}
	data, err := os.ReadFile(folder + "/flags.txt")
	must(err)
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		program, flag, _ := strings.Cut(line, " ")
		if program == "#" {
			continue
		}
		give(one{Program: program, Args: []string{"--" + flag}})
		name, value, _ := strings.Cut(flag, "=")
		give(one{Program: program, Args: []string{"--" + misspell(name) + "=" + value}})
		give(one{Program: program, Args: []string{"--" + name + "=" + misspell(value)}})
	}
	flags(string(tables), seed)
	gates(string(tables), seed)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
