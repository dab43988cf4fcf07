// What kube-apiserver does with its flags before it asks etcd anything, as NewAPIServerCommand does
// (cmd/kube-apiserver/app/server.go).
package main

import (
	"flag"
	"fmt"
	"os"
	"reflect"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apiserver/pkg/server/resourceconfig"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes/scheme"
	certutil "k8s.io/client-go/util/cert"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/component-base/version/verflag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	admission "k8s.io/kubernetes/pkg/kubeapiserver/options"

	"haagent/common"
)

func init() {
	if err := logsapi.AddFeatureGates(utilfeature.DefaultMutableFeatureGate); err != nil {
		panic(err)
	}
}

func newFlagSet() (*pflag.FlagSet, *options.ServerRunOptions) {
	options := options.NewServerRunOptions()
	fs := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	sets := options.Flags()
	verflag.AddFlags(sets.FlagSet("global"))
	globalflag.AddGlobalFlags(sets.FlagSet("global"), "kube-apiserver", logs.SkipLoggingConfigurationFlags())
	for _, set := range sets.FlagSets {
		fs.AddFlagSet(set)
	}
	// AddCustomGlobalFlags, until 1.33 or so: flags that admission plugins register on their own.
	for _, name := range []string{"default-not-ready-toleration-seconds", "default-unreachable-toleration-seconds"} {
		if fs.Lookup(name) == nil && flag.CommandLine.Lookup(name) != nil {
			globalflag.Register(fs, name)
		}
	}
	return fs, options
}

func tables() common.Tables {
	fs, _ := newFlagSet()
	tables := common.Tables{Flags: common.FlagsOf(fs), Gates: common.GatesOf(utilfeature.DefaultMutableFeatureGate)}
	var groups []string
	for _, group := range scheme.Scheme.PrioritizedVersionsAllGroups() {
		groups = append(groups, group.String())
	}
	tables.Words = map[string][]string{
		"admissionPlugin": admission.AllOrderedPlugins,
		"apiVersion":      groups,
		"tlsCipherSuite":  cliflag.TLSCipherPossibleValues(),
		"tlsVersion":      cliflag.TLSPossibleVersions(),
	}
	return tables
}

// The flags without which it does not start, as bootstrap/kube gives them.
func needed(folder string) ([]string, error) {
	cert, key, err := certutil.GenerateSelfSignedCertKey("localhost", nil, nil)
	if err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"tls.crt": cert, "tls.key": key} {
		if err := os.WriteFile(folder+"/"+name, data, 0600); err != nil {
			return nil, err
		}
	}
	return []string{
		"--advertise-address=10.0.0.1",
		"--etcd-servers=https://127.0.0.1:2379",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + folder + "/tls.crt",
		"--service-account-signing-key-file=" + folder + "/tls.key",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file=" + folder + "/tls.crt",
		"--tls-private-key-file=" + folder + "/tls.key",
		"--authorization-mode=Node,RBAC",
	}, nil
}

func judge(one common.Case) error {
	fs, options := newFlagSet()
	folder, err := os.MkdirTemp("", "kube-apiserver")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	args, err := needed(folder)
	if err != nil {
		return err
	}
	if err := fs.Parse(append(args, one.Args...)); err != nil {
		return err
	}
	if len(fs.Args()) > 0 {
		return fmt.Errorf("does not take any arguments, got %q", fs.Args())
	}
	// The registry stands elsewhere from one release to the next.
	registry := reflect.ValueOf(options.GenericServerRunOptions).Elem().FieldByName("ComponentGlobalsRegistry")
	if err := common.ErrorOf(registry.MethodByName("Set").Call(nil)[0]); err != nil {
		return err
	}
	if err := logsapi.ValidateAndApply(options.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	completed := common.Call(options.Complete)
	if err := common.ErrorOf(completed[1]); err != nil {
		return err
	}
	// SecureServingOptions.ApplyTo, when it opens its port.
	if _, err := cliflag.TLSCipherSuites(options.SecureServing.CipherSuites); err != nil {
		return err
	}
	if _, err := cliflag.TLSVersion(options.SecureServing.MinTLSVersion); err != nil {
		return err
	}
	// APIEnablementOptions.ApplyTo.
	if _, err := resourceconfig.MergeAPIResourceConfigs(serverstorage.NewResourceConfig(), options.APIEnablement.RuntimeConfig, scheme.Scheme); err != nil {
		return err
	}
	errs := completed[0].MethodByName("Validate").Call(nil)[0].Interface().([]error)
	return utilerrors.NewAggregate(errs)
}

func main() { common.Main(tables, judge) }
