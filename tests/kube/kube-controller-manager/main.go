// What kube-controller-manager does with its flags before it asks the apiserver anything, as
// NewControllerManagerCommand does (cmd/kube-controller-manager/app/controllermanager.go).
package main

import (
	"fmt"
	"reflect"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/component-base/metrics/features"
	"k8s.io/component-base/version/verflag"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"haagent/common"
)

func init() {
	if err := logsapi.AddFeatureGates(utilfeature.DefaultMutableFeatureGate); err != nil {
		panic(err)
	}
	if err := features.AddFeatureGates(utilfeature.DefaultMutableFeatureGate); err != nil {
		panic(err)
	}
}

func newFlagSet() (*pflag.FlagSet, *options.KubeControllerManagerOptions) {
	options, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		panic(err)
	}
	fs := pflag.NewFlagSet("kube-controller-manager", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	sets := options.Flags([]string{"*"}, nil, nil)
	verflag.AddFlags(sets.FlagSet("global"))
	globalflag.AddGlobalFlags(sets.FlagSet("global"), "kube-controller-manager", logs.SkipLoggingConfigurationFlags())
	for _, set := range sets.FlagSets {
		fs.AddFlagSet(set)
	}
	return fs, options
}

func tables() common.Tables {
	fs, _ := newFlagSet()
	tables := common.Tables{Flags: common.FlagsOf(fs), Gates: common.GatesOf(utilfeature.DefaultMutableFeatureGate)}
	return tables
}

func judge(one common.Case) error {
	fs, options := newFlagSet()
	if err := fs.Parse(one.Args); err != nil {
		return err
	}
	if len(fs.Args()) > 0 {
		return fmt.Errorf("does not take any arguments, got %q", fs.Args())
	}
	registry := reflect.ValueOf(options).Elem().FieldByName("ComponentGlobalsRegistry")
	if registry.IsValid() {
		if err := common.ErrorOf(registry.MethodByName("Set").Call(nil)[0]); err != nil {
			return err
		}
	}
	if err := logsapi.ValidateAndApply(options.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	// SecureServingOptions.ApplyTo, when it opens its port.
	if _, err := cliflag.TLSCipherSuites(options.SecureServing.CipherSuites); err != nil {
		return err
	}
	if _, err := cliflag.TLSVersion(options.SecureServing.MinTLSVersion); err != nil {
		return err
	}
	checked := common.Call(options.Validate, []string{"*"}, []string(nil), map[string]string(nil))
	return common.ErrorOf(checked[0])
}

func main() { common.Main(tables, judge) }
