// Makes one table out of what the programs of all releases say of themselves.
//
//	merge CACHE RELEASE... >bootstrap/kube/tables.inc
//
// reads CACHE/1.MINOR/COMPONENT.json and CACHE/1.MINOR/controllers of each release. How a row is written
// stands in the head; a row without minors holds for all.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
)

type field struct{ Name, Type string }
type tables struct {
	Flags []struct {
		Name, Type string
		Deprecated bool
	}
	Gates []struct {
		Name, Stage string
		On, Locked  bool
		Needs       []string
	}
	Types map[string][]field
	Roots map[string]string
	Words map[string][]string
}

var components = []string{"kubelet", "kube-proxy", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
var letters = "kpams"

const head = `# What each release of Kubernetes knows: made by "tests/kube/run tables" out of the flag sets, feature
# gates and types of k8s.io/kubernetes %s
#
# [flags COMPONENT]  name, type as pflag calls it, [minors], [!minors that say it is deprecated]
# [gates]            name, [@components: k kubelet, p kube-proxy, a apiserver, m controller manager, s scheduler],
#                    minors:stage (a alpha, b beta, g general, d deprecated, + on, * locked), >[minors:]gate that it needs
# [type NAME]        of a struct: its fields and their types ([] list, {} map, = reads its JSON in a way of its own)
# [words WHAT]       names that a flag or field takes
# Minors: "33-" and "31-33,36" are some, none are all.
`

// minors writes a set of minors: "" for all of them.
func minors(set map[int]bool, all []int) string {
	var parts []string
	for i := 0; i < len(all); i++ {
		if !set[all[i]] {
			continue
		}
		last := i
		for last+1 < len(all) && set[all[last+1]] {
			last++
		}
		switch {
		case i == 0 && last == len(all)-1:
			return ""
		case last == len(all)-1:
			parts = append(parts, fmt.Sprintf("%d-", all[i]))
		case last == i:
			parts = append(parts, strconv.Itoa(all[i]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", all[i], all[last]))
		}
		i = last
	}
	return strings.Join(parts, ",")
}

// rows gathers lines that hold for some minors.
type rows map[string]map[int]bool

func (r rows) add(row string, minor int) {
	if r[row] == nil {
		r[row] = map[int]bool{}
	}
	r[row][minor] = true
}

func (r rows) sorted() []string {
	var keys []string
	for key := range r {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func space(text string) string {
	if text == "" {
		return ""
	}
	return " " + text
}

func main() {
	cache, releases := os.Args[1], os.Args[2:]
	known := map[int]map[string]*tables{}
	var all []int
	for _, release := range releases {
		minor, err := strconv.Atoi(strings.Split(release, ".")[1])
		must(err)
		all = append(all, minor)
		known[minor] = map[string]*tables{}
		for _, component := range components {
			data, err := os.ReadFile(fmt.Sprintf("%s/1.%d/%s.json", cache, minor, component))
			must(err)
			one := &tables{}
			must(json.Unmarshal(data, one))
			known[minor][component] = one
		}
		controllers, err := os.ReadFile(fmt.Sprintf("%s/1.%d/controllers", cache, minor))
		must(err)
		known[minor]["kube-controller-manager"].Words = map[string][]string{"controller": strings.Fields(string(controllers))}
	}
	fmt.Printf("R\"table(")
	fmt.Printf(head, strings.Join(releases, " "))

	for _, component := range components {
		flags, deprecated := rows{}, rows{}
		for _, minor := range all {
			for _, flag := range known[minor][component].Flags {
				row := flag.Name + " " + flag.Type
				flags.add(row, minor)
				if flag.Deprecated {
					deprecated.add(row, minor)
				}
			}
		}
		fmt.Printf("[flags %s]\n", component)
		for _, row := range flags.sorted() {
			line := row + space(minors(flags[row], all))
			if old := deprecated[row]; old != nil {
				line += " !" + minors(old, all)
				if len(old) == len(flags[row]) {
					line = strings.TrimSuffix(line, minors(old, all))
				}
			}
			fmt.Println(line)
		}
	}
	printGates(known, all)
	printTypes(known, all)

	words := map[string]rows{}
	for _, minor := range all {
		for _, component := range components {
			for what, names := range known[minor][component].Words {
				if words[what] == nil {
					words[what] = rows{}
				}
				for _, name := range names {
					words[what].add(name, minor)
				}
			}
		}
	}
	var whats []string
	for what := range words {
		whats = append(whats, what)
	}
	sort.Strings(whats)
	for _, what := range whats {
		fmt.Printf("[words %s]\n", what)
		for _, row := range words[what].sorted() {
			fmt.Println(row + space(minors(words[what][row], all)))
		}
	}
	fmt.Println(")table\"")
}

func printGates(known map[int]map[string]*tables, all []int) {
	// Gate and who has it, then its stages and needs by minor.
	stages, needs := map[string]rows{}, map[string]rows{}
	for _, minor := range all {
		owners := map[string]string{} // name and stage, to letters
		needed := map[string][]string{}
		for i, component := range components {
			for _, gate := range known[minor][component].Gates {
				stage := map[string]string{"": "g", "ALPHA": "a", "BETA": "b", "DEPRECATED": "d"}[gate.Stage]
				if gate.On {
					stage += "+"
				}
				if gate.Locked {
					stage += "*"
				}
				owners[gate.Name+" "+stage] += letters[i : i+1]
				needed[gate.Name] = gate.Needs
			}
		}
		for key, who := range owners {
			name, stage, _ := strings.Cut(key, " ")
			row := name
			if who != letters {
				row += " @" + who
			}
			if stages[row] == nil {
				stages[row], needs[row] = rows{}, rows{}
			}
			stages[row].add(stage, minor)
			for _, other := range needed[name] {
				needs[row].add(other, minor)
			}
		}
	}
	var names []string
	for name := range stages {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Println("[gates]")
	for _, name := range names {
		line := name
		held := stages[name].sorted()
		sort.Slice(held, func(i, j int) bool { return first(stages[name][held[i]], all) < first(stages[name][held[j]], all) })
		have := map[int]bool{}
		for _, stage := range held {
			line += " " + minors(stages[name][stage], all) + ":" + stage
			for minor := range stages[name][stage] {
				have[minor] = true
			}
		}
		for _, other := range needs[name].sorted() {
			when := needs[name][other]
			if len(when) == len(have) {
				line += " >" + other
			} else {
				line += " >" + minors(when, all) + ":" + other
			}
		}
		fmt.Println(line)
	}
}

func first(set map[int]bool, all []int) int {
	for _, minor := range all {
		if set[minor] {
			return minor
		}
	}
	return 0
}

func printTypes(known map[int]map[string]*tables, all []int) {
	types := map[string]rows{}
	for _, minor := range all {
		owner := map[string]string{}
		for _, component := range components {
			for name, fields := range known[minor][component].Types {
				shape := fmt.Sprint(fields)
				if before, seen := owner[name]; seen && before != shape {
					panic(fmt.Sprintf("1.%d has two types %s: %s and %s", minor, name, before, shape))
				}
				owner[name] = shape
				if types[name] == nil {
					types[name] = rows{}
				}
				for _, field := range fields {
					types[name].add(field.Name+" "+field.Type, minor)
				}
			}
			for kind, name := range known[minor][component].Roots {
				if kind != name {
					panic(kind + " is of the type " + name)
				}
			}
		}
	}
	var names []string
	for name := range types {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("[type %s]\n", name)
		for _, row := range types[name].sorted() {
			fmt.Println(row + space(minors(types[name][row], all)))
		}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
