// Reads a directory of rendered files the way that the Kubernetes components themselves would:
// flags by their own flag sets, documents by their own strict decoders and validation. Prints each
// problem on a line; exits with 1 where there is one.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	cliflag "k8s.io/component-base/cli/flag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	proxyapp "k8s.io/kubernetes/cmd/kube-proxy/app"
	schedulerapp "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	kubeletvalidation "k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	proxyconfig "k8s.io/kubernetes/pkg/proxy/apis/config"
	proxyscheme "k8s.io/kubernetes/pkg/proxy/apis/config/scheme"
	proxyvalidation "k8s.io/kubernetes/pkg/proxy/apis/config/validation"
	schedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	schedulerscheme "k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	schedulervalidation "k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	"sigs.k8s.io/yaml"
)

var problems, files int

func check(path string, err error) {
	if err != nil {
		problems++
		fmt.Printf("%s: %v\n", path, err)
	}
}

// Each component's flag set, made once and in this order: kube-controller-manager changes defaults
// of feature gates, which is too late once another set shows them.
var components = []string{"kube-controller-manager", "kube-apiserver", "kube-scheduler", "kube-proxy", "kubelet"}
var flagSets = map[string]*pflag.FlagSet{}
var kubeletFlags = kubeletapp.NewKubeletFlags()

func newFlagSet(component string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(component, pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	fs.Usage = func() {}
	add := func(sets cliflag.NamedFlagSets) {
		for _, set := range sets.FlagSets {
			fs.AddFlagSet(set)
		}
	}
	switch component {
	case "kube-apiserver":
		add(apiserver.NewServerRunOptions().Flags())
	case "kube-controller-manager":
		options, err := manager.NewKubeControllerManagerOptions()
		check(component, err)
		add(options.Flags([]string{"*"}, nil, nil))
	case "kube-scheduler":
		add(*schedulerapp.NewOptions().Flags)
	case "kube-proxy":
		proxyapp.NewOptions().AddFlags(fs)
	case "kubelet":
		kubeletFlags.AddFlags(fs)
		config, err := kubeletapp.NewKubeletConfiguration()
		check(component, err)
		kubeletapp.AddKubeletConfigFlags(fs, config)
		kubeletapp.AddGlobalFlags(fs)
	}
	return fs
}

func checkFlags(path, component string, args []string) {
	fs := flagSets[component]
	if fs == nil {
		check(path, fmt.Errorf("%q is no component", component))
		return
	}
	seen := map[string]bool{}
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if seen[name] && name != "--service-account-issuer" {
			check(path, fmt.Errorf("%s stands twice", name))
		}
		seen[name] = true
	}
	check(path, fs.Parse(args))
	if fs.NArg() > 0 {
		check(path, fmt.Errorf("%q is no flag", fs.Args()))
	}
}

func checkPod(path string, data []byte) {
	var pod corev1.Pod
	check(path, yaml.UnmarshalStrict(data, &pod))
	for _, container := range pod.Spec.Containers {
		checkFlags(path, container.Command[0], container.Command[1:])
	}
}

func decode(path string, data []byte, codecs *serializer.CodecFactory) runtime.Object {
	object, _, err := codecs.UniversalDecoder().Decode(data, nil, nil)
	check(path, err)
	return object
}

func checkFile(path string, data []byte) {
	switch base := filepath.Base(path); {
	case strings.Contains(path, "/manifests/"):
		checkPod(path, data)
	case strings.HasSuffix(path, "/var/lib/kubelet/config.yaml"):
		_, codecs, err := kubeletscheme.NewSchemeAndCodecs(serializer.EnableStrict)
		check(path, err)
		if config, ok := decode(path, data, codecs).(*kubeletconfig.KubeletConfiguration); ok {
			config.FailCgroupV1 = false // asks about the machine that this runs on
			check(path, kubeletvalidation.ValidateKubeletConfiguration(config, utilfeature.DefaultFeatureGate))
		}
	case strings.HasSuffix(path, "/var/lib/kubelet/kubeadm-flags.env"):
		for _, line := range strings.Split(string(data), "\n") {
			if value, ok := strings.CutPrefix(line, "KUBELET_KUBEADM_ARGS="); ok {
				checkFlags(path, "kubelet", strings.Fields(strings.Trim(value, `"`)))
				check(path, kubeletapp.ValidateKubeletFlags(kubeletFlags))
			}
		}
	case base == "kube-proxy.yaml":
		if config, ok := decode(path, data, &proxyscheme.Codecs).(*proxyconfig.KubeProxyConfiguration); ok {
			check(path, proxyvalidation.Validate(config).ToAggregate())
		}
	case base == "kube-scheduler.yaml":
		if config, ok := decode(path, data, &schedulerscheme.Codecs).(*schedulerconfig.KubeSchedulerConfiguration); ok {
			check(path, schedulervalidation.ValidateKubeSchedulerConfiguration(config))
		}
	case strings.HasSuffix(base, ".conf"):
		var config clientcmdv1.Config
		check(path, yaml.UnmarshalStrict(data, &config))
	default:
		check(path, fmt.Errorf("nothing is known to read it"))
	}
	files++
}

func main() {
	for _, component := range components {
		flagSets[component] = newFlagSet(component)
	}
	for _, root := range os.Args[1:] {
		check(root, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil {
				checkFile(path, data)
			}
			return err
		}))
	}
	fmt.Printf("%d files, %d problems\n", files, problems)
	if problems > 0 || files == 0 {
		os.Exit(1)
	}
}
