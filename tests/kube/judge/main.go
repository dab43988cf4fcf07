// Asks the programs of all minors what they say of each case, and writes the cases with the answers.
//
//	judge GOLDEN CACHE CASES MINOR... >tests/golden/kube-check/cases.txt
//
// GOLDEN is tests/golden/kube: what haagent renders for each minor, which documents are laid over.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
)

type one struct {
	Program  string   `json:"program,omitempty"`
	Under    string   `json:"under,omitempty"`
	Document string   `json:"document,omitempty"`
	Args     []string `json:"args,omitempty"`
}
type verdict struct{ Verdict, Why string }

var rendered = map[string]string{
	"kubelet":        "master/var/lib/kubelet/config.yaml",
	"kube-proxy":     "master/etc/kubernetes/kube-proxy.yaml",
	"kube-scheduler": "master/etc/kubernetes/kube-scheduler.yaml",
}

func ask(golden, cache, minor, program string, cases []*one) []verdict {
	under := ""
	if path := rendered[program]; path != "" {
		data, err := os.ReadFile(golden + "/1." + minor + "/" + path)
		must(err)
		under = string(data)
	}
	var in bytes.Buffer
	for _, c := range cases {
		line, err := json.Marshal(one{Under: under, Document: c.Document, Args: c.Args})
		must(err)
		in.Write(append(line, '\n'))
	}
	if in.Len() == 0 {
		return nil
	}
	command := exec.Command(cache+"/1."+minor+"/bin/"+program, "verdicts")
	command.Stdin, command.Stderr = &in, os.Stderr
	out, err := command.Output()
	must(err)
	var verdicts []verdict
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var v verdict
		must(json.Unmarshal(lines.Bytes(), &v))
		verdicts = append(verdicts, v)
	}
	if len(verdicts) != len(cases) {
		panic(fmt.Sprintf("1.%s %s: %d answers for %d cases", minor, program, len(verdicts), len(cases)))
	}
	return verdicts
}

func key(c *one) string {
	data, err := json.Marshal(c)
	must(err)
	return string(data)
}

// What was answered before; a build forgets it.
func load(path string) map[string]verdict {
	known := map[string]verdict{}
	if data, err := os.ReadFile(path); err == nil {
		must(json.Unmarshal(data, &known))
	}
	return known
}

func follows(one, other string) bool {
	a, err := strconv.Atoi(one)
	must(err)
	b, err := strconv.Atoi(other)
	must(err)
	return b == a+1
}

func main() {
	golden, cache, casesFile, minors := os.Args[1], os.Args[2], os.Args[3], os.Args[4:]
	sort.Strings(minors)
	data, err := os.ReadFile(casesFile)
	must(err)
	byProgram := map[string][]*one{}
	var order []*one
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		c := &one{}
		must(json.Unmarshal([]byte(line), c))
		byProgram[c.Program] = append(byProgram[c.Program], c)
		order = append(order, c)
	}
	answers := map[*one]map[string]verdict{}
	for _, c := range order {
		answers[c] = map[string]verdict{}
	}
	for _, minor := range minors {
		known := load(cache + "/1." + minor + "/answers")
		for program, cases := range byProgram {
			var asked []*one
			for _, c := range cases {
				if v, is := known[key(c)]; is {
					answers[c][minor] = v
				} else {
					asked = append(asked, c)
				}
			}
			for i, v := range ask(golden, cache, minor, program, asked) {
				answers[asked[i]][minor], known[key(asked[i])] = v, v
			}
		}
		data, err := json.Marshal(known)
		must(err)
		must(os.WriteFile(cache+"/1."+minor+"/answers", data, 0600))
	}
	fmt.Printf("# What Kubernetes' own programs of 1.%s say of what people may write: made by\n", strings.Join(minors, ", 1."))
	fmt.Print("# \"tests/kube/run corpus\"; a document is laid over what haagent renders. ok: it starts; warned: it starts,\n# and says that something is wrong; refused: it does not start, and says what follows '#'.\n")
	for _, c := range order {
		fmt.Printf("=== %s", c.Program)
		for from := 0; from < len(minors); {
			to := from
			for to+1 < len(minors) && follows(minors[to], minors[to+1]) && answers[c][minors[to+1]].Verdict == answers[c][minors[from]].Verdict {
				to++
			}
			which := minors[from]
			if to > from {
				which += "-" + minors[to]
			}
			fmt.Printf(" %s:%s", which, answers[c][minors[from]].Verdict)
			from = to + 1
		}
		for i := len(minors) - 1; i >= 0; i-- {
			if v := answers[c][minors[i]]; v.Verdict == "refused" {
				why := strings.Join(strings.Fields(v.Why), " ")
				if len(why) > 160 {
					why = why[:160]
				}
				fmt.Printf(" # %s", strings.ToValidUTF8(why, "?"))
				break
			}
		}
		fmt.Println()
		for _, arg := range c.Args {
			fmt.Println(arg)
		}
		fmt.Print(c.Document)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
