// What kube-proxy does with its flags and its document before it starts, as NewProxyCommand does
// (cmd/kube-proxy/app/server.go).
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/component-base/version/verflag"
	kubeproxyv1alpha1 "k8s.io/kube-proxy/config/v1alpha1"
	"k8s.io/kubernetes/cmd/kube-proxy/app"
	"sigs.k8s.io/yaml"

	"haagent/common"
)

func newFlagSet() (*pflag.FlagSet, *app.Options) {
	fs := pflag.NewFlagSet("kube-proxy", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	options := app.NewOptions()
	options.AddFlags(fs)
	verflag.AddFlags(fs)
	globalflag.AddGlobalFlags(fs, "kube-proxy", logs.SkipLoggingConfigurationFlags())
	return fs, options
}

func tables() common.Tables {
	fs, _ := newFlagSet()
	tables := common.Tables{Flags: common.FlagsOf(fs), Gates: common.GatesOf(utilfeature.DefaultMutableFeatureGate)}
	tables.AddRoot("KubeProxyConfiguration", kubeproxyv1alpha1.KubeProxyConfiguration{})
	return tables
}

func judge(one common.Case) error {
	fs, options := newFlagSet()
	args := one.Args
	if one.Has() {
		folder, err := os.MkdirTemp("", "kube-proxy")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		if err := os.WriteFile(folder+"/config.yaml", one.Whole(), 0600); err != nil {
			return err
		}
		args = append([]string{"--config=" + folder + "/config.yaml"}, args...)
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	if len(fs.Args()) > 0 {
		return fmt.Errorf("does not take any arguments, got %q", fs.Args())
	}
	if err := options.Complete(fs); err != nil {
		return err
	}
	if err := options.Validate(); err != nil {
		return err
	}
	// createClient, which falls back to a service account.
	var stated struct {
		ClientConnection struct {
			Kubeconfig string `json:"kubeconfig"`
		} `json:"clientConnection"`
	}
	if err := yaml.Unmarshal(one.Whole(), &stated); err != nil {
		return err
	}
	if one.Has() && stated.ClientConnection.Kubeconfig == "" {
		return errors.New("unable to load in-cluster configuration")
	}
	return nil
}

func main() { common.Main(tables, judge) }
