// What kube-scheduler does with its flags and its document before it asks the apiserver anything, as
// NewSchedulerCommand does (cmd/kube-scheduler/app/server.go).
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/tools/leaderelection"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/component-base/version/verflag"
	schedulerv1 "k8s.io/kube-scheduler/config/v1"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"

	"haagent/common"
)

func newFlagSet() (*pflag.FlagSet, *options.Options) {
	options := options.NewOptions()
	fs := pflag.NewFlagSet("kube-scheduler", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	verflag.AddFlags(options.Flags.FlagSet("global"))
	globalflag.AddGlobalFlags(options.Flags.FlagSet("global"), "kube-scheduler", logs.SkipLoggingConfigurationFlags())
	for _, set := range options.Flags.FlagSets {
		fs.AddFlagSet(set)
	}
	return fs, options
}

func tables() common.Tables {
	fs, _ := newFlagSet()
	tables := common.Tables{Flags: common.FlagsOf(fs), Gates: common.GatesOf(utilfeature.DefaultMutableFeatureGate)}
	tables.AddRoot("KubeSchedulerConfiguration", schedulerv1.KubeSchedulerConfiguration{})
	for kind, of := range scheme.Scheme.KnownTypes(schedulerv1.SchemeGroupVersion) {
		if len(kind) > 4 && kind[len(kind)-4:] == "Args" {
			tables.AddRoot(kind, reflect.New(of).Elem().Interface())
		}
	}
	var names []string
	for name := range plugins.NewInTreeRegistry() {
		names = append(names, name)
	}
	sort.Strings(names)
	tables.Words = map[string][]string{"schedulerPlugin": names}
	whole, err := latest.Default()
	must(err)
	for i, plugin := range whole.Profiles[0].Plugins.MultiPoint.Enabled {
		row := fmt.Sprintf("%02d/%s/%d", i, plugin.Name, plugin.Weight)
		tables.Words["schedulerPlugin.default"] = append(tables.Words["schedulerPlugin.default"], row)
	}
	for point, plugins := range points(names) {
		tables.Words["schedulerPlugin."+point] = plugins
	}
	return tables
}

// points asks a profile that runs every plugin which of them stand at which extension point.
func points(names []string) map[string][]string {
	folder, err := os.MkdirTemp("", "kube-scheduler")
	must(err)
	defer os.RemoveAll(folder)
	must(os.WriteFile(folder+"/kubeconfig", []byte(kubeconfig), 0600))
	enabled := ""
	for _, name := range names {
		enabled += "{name: " + name + "}, "
	}
	document := "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n" +
		"clientConnection: {kubeconfig: " + folder + "/kubeconfig}\n" +
		"profiles: [{plugins: {multiPoint: {enabled: [" + enabled + "]}}}]\n"
	must(os.WriteFile(folder+"/config.yaml", []byte(document), 0600))
	fs, options := newFlagSet()
	must(fs.Parse([]string{"--config=" + folder + "/config.yaml", "--secure-port=0"}))
	must(options.ComponentGlobalsRegistry.Set())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, scheduler, err := app.Setup(ctx, options)
	must(err)
	found := map[string][]string{}
	listed := reflect.ValueOf(scheduler.Profiles["default-scheduler"].ListPlugins()).Elem()
	for i := 0; i < listed.NumField(); i++ {
		name := listed.Type().Field(i).Name
		if name == "MultiPoint" {
			continue
		}
		var plugins []string
		for _, plugin := range listed.Field(i).Interface().(config.PluginSet).Enabled {
			plugins = append(plugins, plugin.Name)
		}
		found[strings.ToLower(name[:1])+name[1:]] = plugins
	}
	return found
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
users: [{name: a, user: {token: a}}]
current-context: a
`

func judge(one common.Case) error {
	fs, options := newFlagSet()
	folder, err := os.MkdirTemp("", "kube-scheduler")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := os.WriteFile(folder+"/kubeconfig", []byte(kubeconfig), 0600); err != nil {
		return err
	}
	var args []string
	if one.Has() {
		document := bytes.ReplaceAll(one.Whole(), []byte("/etc/kubernetes/scheduler.conf"), []byte(folder+"/kubeconfig"))
		if err := os.WriteFile(folder+"/config.yaml", document, 0600); err != nil {
			return err
		}
		args = append(args, "--config="+folder+"/config.yaml")
	}
	// No authentication by the apiserver that is not there.
	args = append(args, "--secure-port=0")
	if err := fs.Parse(append(args, one.Args...)); err != nil {
		return err
	}
	if len(fs.Args()) > 0 {
		return fmt.Errorf("does not take any arguments, got %q", fs.Args())
	}
	if err := options.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := logsapi.ValidateAndApply(options.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// SecureServingOptions.ApplyTo, where it has a port.
	if _, err := cliflag.TLSCipherSuites(options.SecureServing.CipherSuites); err != nil {
		return err
	}
	if _, err := cliflag.TLSVersion(options.SecureServing.MinTLSVersion); err != nil {
		return err
	}
	completed, _, err := app.Setup(ctx, options)
	if err != nil {
		return err
	}
	// leaderelection.NewLeaderElector, once it runs.
	election := completed.ComponentConfig.LeaderElection
	if election.LeaderElect && election.RenewDeadline.Duration <= time.Duration(leaderelection.JitterFactor*float64(election.RetryPeriod.Duration)) {
		return fmt.Errorf("renewDeadline must be greater than retryPeriod*JitterFactor")
	}
	return nil
}

func main() { common.Main(tables, judge) }
