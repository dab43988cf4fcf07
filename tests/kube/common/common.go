// Package common is what the five programs share: each is one component's own flags, decoders and
// validation, asked in two ways.
//
//	PROGRAM tables    prints what the component knows, as JSON: see Tables
//	PROGRAM verdicts  reads cases (a JSON object a line: see Case) and prints a verdict for each
//
// A case is judged in a process of its own, since feature gates and logging are set once.
package common

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"
	"k8s.io/klog/v2"
	"sigs.k8s.io/yaml"
)

// Case is what somebody wrote: a document that is laid over haagent's own, flags, or both.
type Case struct {
	Under    string   `json:"under,omitempty"`
	Document string   `json:"document,omitempty"`
	Args     []string `json:"args,omitempty"`
}

func (one Case) Has() bool { return one.Document != "" || one.Under != "" }

// Whole is the document that the component is given: maps are merged key by key, null takes a key
// away, all else is replaced. YAML is read as Kubernetes reads it.
func (one Case) Whole() []byte {
	over, err := tree([]byte(one.Document))
	if err != nil || one.Under == "" {
		return []byte(one.Document)
	}
	under, err := tree([]byte(one.Under))
	must(err)
	if _, is := over.(map[string]any); !is && over != nil {
		return []byte(one.Document)
	}
	if over == nil {
		over = map[string]any{}
	}
	data, err := json.Marshal(merge(under, over))
	must(err)
	return data
}

func tree(text []byte) (any, error) {
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	err = decoder.Decode(&value)
	return value, err
}

func merge(under, over any) any {
	patch, isMap := over.(map[string]any)
	if !isMap {
		return over
	}
	base, isMap := under.(map[string]any)
	if !isMap {
		base = map[string]any{}
	}
	for key, value := range patch {
		if value == nil {
			delete(base, key)
		} else {
			base[key] = merge(base[key], value)
		}
	}
	return base
}

// Verdict: "ok", "warned" (it starts, and says that something is wrong) or "refused".
type Verdict struct {
	Verdict string `json:"verdict"`
	Why     string `json:"why,omitempty"`
}

type Flag struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Deprecated bool   `json:"deprecated,omitempty"`
}

type Gate struct {
	Name   string `json:"name"`
	Stage  string `json:"stage"` // "", "ALPHA", "BETA", "GA", "DEPRECATED"
	On     bool   `json:"on"`
	Locked bool   `json:"locked"`
	// Gates that must be on where this one is; releases before 1.35 know none.
	Needs []string `json:"needs,omitempty"`
}

type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type Tables struct {
	Flags []Flag              `json:"flags"`
	Gates []Gate              `json:"gates"`
	Types map[string][]Field  `json:"types"`
	Roots map[string]string   `json:"roots"` // kind of a document to the name of its type
	Words map[string][]string `json:"words"` // "admissionPlugin": [...]
}

func FlagsOf(fs *pflag.FlagSet) []Flag {
	var flags []Flag
	fs.VisitAll(func(flag *pflag.Flag) {
		flags = append(flags, Flag{flag.Name, typeOf(flag.Value), flag.Deprecated != ""})
	})
	return flags
}

// Three ways to write pairs call themselves mapStringString.
func typeOf(value pflag.Value) string {
	switch value.(type) {
	case *cliflag.ConfigurationMap:
		return "configurationMap"
	case *cliflag.LangleSeparatedMapStringString:
		return "langleSeparatedMapStringString"
	}
	return value.Type()
}

func GatesOf(gate featuregate.MutableFeatureGate) []Gate {
	var gates []Gate
	for name, spec := range gate.GetAll() {
		gates = append(gates, Gate{Name: string(name), Stage: string(spec.PreRelease), On: spec.Default, Locked: spec.LockToDefault})
	}
	if method := reflect.ValueOf(gate).MethodByName("Dependencies"); method.IsValid() {
		needs := method.Call(nil)[0].Interface().(map[featuregate.Feature][]featuregate.Feature)
		for i := range gates {
			for _, other := range needs[featuregate.Feature(gates[i].Name)] {
				gates[i].Needs = append(gates[i].Needs, string(other))
			}
			sort.Strings(gates[i].Needs)
		}
	}
	sort.Slice(gates, func(i, j int) bool { return gates[i].Name < gates[j].Name })
	return gates
}

var unmarshaler = reflect.TypeOf((*json.Unmarshaler)(nil)).Elem()

// TypeOf names a type as the tables do, and adds the structs that it is made of.
func (tables *Tables) TypeOf(of reflect.Type) string {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if reflect.PointerTo(of).Implements(unmarshaler) {
		return "=" + of.Name() // reads its JSON in a way of its own
	}
	switch of.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int64:
		return "int64"
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Float32:
		return of.Kind().String()
	case reflect.Uint, reflect.Uint64:
		return "uint64"
	case reflect.Float64:
		return "float64"
	case reflect.String:
		return "string"
	case reflect.Map:
		return "{}" + tables.TypeOf(of.Elem())
	case reflect.Slice, reflect.Array:
		if of.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + tables.TypeOf(of.Elem())
	case reflect.Interface:
		return "any"
	case reflect.Struct:
		return tables.structOf(of)
	}
	panic("no name for the type " + of.String())
}

func (tables *Tables) structOf(of reflect.Type) string {
	name := of.Name()
	if _, known := tables.Types[name]; known {
		return name
	}
	tables.Types[name] = nil // it may hold itself
	tables.Types[name] = tables.fieldsOf(of)
	return name
}

func (tables *Tables) fieldsOf(of reflect.Type) []Field {
	var fields []Field
	for i := 0; i < of.NumField(); i++ {
		field := of.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || field.PkgPath != "" {
			continue
		}
		if name == "" && (field.Anonymous || strings.Contains(options, "inline")) {
			inner := field.Type
			for inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			fields = append(fields, tables.fieldsOf(inner)...)
			continue
		}
		if name == "" {
			name = field.Name
		}
		fields = append(fields, Field{name, tables.TypeOf(field.Type)})
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
	return fields
}

func (tables *Tables) AddRoot(kind string, object any) {
	if tables.Types == nil {
		tables.Types, tables.Roots = map[string][]Field{}, map[string]string{}
	}
	tables.Roots[kind] = tables.TypeOf(reflect.TypeOf(object))
}

// Call calls a function that takes a context or a logger in some releases and none in others.
func Call(function any, arguments ...any) []reflect.Value {
	called := reflect.ValueOf(function)
	var values []reflect.Value
	next := 0
	for i := 0; i < called.Type().NumIn(); i++ {
		if called.Type().In(i) == reflect.TypeOf((*context.Context)(nil)).Elem() {
			values = append(values, reflect.ValueOf(context.Background()))
			continue
		}
		if called.Type().In(i) == reflect.TypeOf(klog.Logger{}) {
			values = append(values, reflect.ValueOf(klog.Background()))
			continue
		}
		values = append(values, reflect.ValueOf(arguments[next]))
		next++
	}
	return called.Call(values)
}

func ErrorOf(value reflect.Value) error {
	err, _ := value.Interface().(error)
	return err
}

// What a component that starts says of what is wrong all the same.
var warnings = regexp.MustCompile(`(?i)lenient decoding|has been deprecated|Setting (GA|deprecated) feature gate|strict decoding error`)

// Main is each program's main: `tables` and `judge` are asked at most once in a process.
func Main(tables func() Tables, judge func(Case) error) {
	if len(os.Args) != 2 {
		fmt.Fprintf(os.Stderr, "usage: %s tables|verdicts\n", os.Args[0])
		os.Exit(2)
	}
	switch os.Args[1] {
	case "tables":
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", " ")
		must(encoder.Encode(tables()))
	case "verdicts":
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 1<<24)
		// A few at once, each answer in its turn.
		const atOnce = 3
		queue := make(chan chan Verdict, atOnce-1)
		go func() {
			for lines.Scan() {
				line, answer := append([]byte{}, lines.Bytes()...), make(chan Verdict, 1)
				queue <- answer
				go func() { answer <- inOwnProcess(line) }()
			}
			must(lines.Err())
			close(queue)
		}()
		for answer := range queue {
			line, err := json.Marshal(<-answer)
			must(err)
			fmt.Println(string(line))
		}
	case "verdict":
		var one Case
		must(json.NewDecoder(os.Stdin).Decode(&one))
		if err := judge(one); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
	}
}

func inOwnProcess(line []byte) Verdict {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], "verdict")
	command.Stdin = bytes.NewReader(line)
	// It lives for one question.
	command.Env = append(os.Environ(), "GOGC=off", "GOMAXPROCS=1")
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	err := command.Run()
	if err == nil {
		if warning := warnings.FindString(said.String()); warning != "" {
			return Verdict{"warned", warning}
		}
		return Verdict{"ok", ""}
	}
	if command.ProcessState != nil && command.ProcessState.ExitCode() == 3 {
		return Verdict{"refused", strings.TrimSpace(out.String())}
	}
	// It ended itself (log.Fatal, a panic): no more use to who starts it.
	tail := said.String()
	if len(tail) > 600 {
		tail = tail[:600]
	}
	return Verdict{"refused", fmt.Sprintf("%v: %s", err, tail)}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
