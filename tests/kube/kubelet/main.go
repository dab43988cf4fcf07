// What kubelet does with its flags and its document before it starts, step by step as
// NewKubeletCommand does (cmd/kubelet/app/server.go).
package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	criutil "k8s.io/cri-client/pkg/util"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubelet/cm/cpumanager"
	"k8s.io/kubernetes/pkg/kubelet/cm/topologymanager"
	"k8s.io/kubernetes/pkg/kubelet/eviction"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/util/codec"
	"k8s.io/kubernetes/pkg/kubelet/sysctl"
	netutils "k8s.io/utils/net"

	"haagent/common"
)

func init() {
	if err := logsapi.AddFeatureGates(utilfeature.DefaultMutableFeatureGate); err != nil {
		panic(err)
	}
}

func newFlagSet() (*pflag.FlagSet, *options.KubeletFlags, *kubeletconfig.KubeletConfiguration) {
	fs := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	flags := options.NewKubeletFlags()
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		panic(err)
	}
	flags.AddFlags(fs)
	options.AddKubeletConfigFlags(fs, config)
	options.AddGlobalFlags(fs)
	fs.BoolP("help", "h", false, "")
	return fs, flags, config
}

func tables() common.Tables {
	fs, _, _ := newFlagSet()
	tables := common.Tables{Flags: common.FlagsOf(fs), Gates: common.GatesOf(utilfeature.DefaultMutableFeatureGate)}
	tables.AddRoot("KubeletConfiguration", kubeletv1beta1.KubeletConfiguration{})
	tables.AddRoot("Pod", corev1.Pod{})
	tables.Words = map[string][]string{
		"tlsCipherSuite": cliflag.TLSCipherPossibleValues(),
		"tlsVersion":     cliflag.TLSPossibleVersions(),
	}
	policyOptions(tables.Words, "cpuManagerPolicyOption", "CPUManagerPolicy", cpumanager.CheckPolicyOptionAvailable,
		"full-pcpus-only", "distribute-cpus-across-numa", "align-by-socket", "distribute-cpus-across-cores",
		"strict-cpu-reservation", "prefer-align-cpus-by-uncorecache")
	policyOptions(tables.Words, "topologyManagerPolicyOption", "TopologyManagerPolicy", topologymanager.CheckPolicyOptionAvailable,
		"prefer-closest-numa-nodes", "max-allowable-numa-nodes")
	return tables
}

// policyOptions adds the options that a manager has, and which of them need its gate for alpha or beta options.
func policyOptions(words map[string][]string, what, gate string, check func(string) error, names ...string) {
	set := func(alpha, beta bool) {
		for stage, on := range map[string]bool{"AlphaOptions": alpha, "BetaOptions": beta} {
			if _, has := utilfeature.DefaultMutableFeatureGate.GetAll()[featuregate.Feature(gate+stage)]; has {
				if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(map[string]bool{gate + stage: on}); err != nil {
					panic(err)
				}
			}
		}
	}
	for _, name := range names {
		set(true, true)
		if check(name) != nil {
			continue
		}
		words[what] = append(words[what], name)
		set(false, true)
		if check(name) != nil {
			words[what+".alpha"] = append(words[what+".alpha"], name)
		}
		set(true, false)
		if check(name) != nil {
			words[what+".beta"] = append(words[what+".beta"], name)
		}
	}
}

func judge(one common.Case) error {
	fs, flags, config := newFlagSet()
	if err := fs.Parse(one.Args); err != nil {
		return err
	}
	if len(fs.Args()) > 0 {
		return fmt.Errorf("unknown command %q", fs.Args()[0])
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(config.FeatureGates); err != nil {
		return err
	}
	if err := options.ValidateKubeletFlags(flags); err != nil {
		return err
	}
	if one.Has() {
		_, codecs, err := scheme.NewSchemeAndCodecs(serializer.EnableStrict)
		if err != nil {
			return err
		}
		decoded := common.Call(codec.DecodeKubeletConfiguration, codecs, one.Whole())
		if err := common.ErrorOf(decoded[1]); err != nil {
			return err
		}
		onCommandLine := config.FeatureGates
		config = decoded[0].Interface().(*kubeletconfig.KubeletConfiguration)
		// kubeletConfigFlagPrecedence: the command line once more, over the document.
		gates := config.FeatureGates
		again := pflag.NewFlagSet("", pflag.ContinueOnError)
		again.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
		options.AddKubeletConfigFlags(again, config)
		again.ParseErrorsWhitelist.UnknownFlags = true
		if err := again.Parse(one.Args); err != nil {
			return err
		}
		config.FeatureGates = map[string]bool{}
		for name, on := range gates {
			config.FeatureGates[name] = on
		}
		for name, on := range onCommandLine {
			config.FeatureGates[name] = on
		}
		if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(config.FeatureGates); err != nil {
			return err
		}
	}
	// loadConfigFile: what the document does not say of evictions.
	merge := reflect.ValueOf(config).Elem().FieldByName("MergeDefaultEvictionSettings")
	if config.EvictionHard == nil {
		config.EvictionHard = eviction.DefaultEvictionHard
	} else if merge.IsValid() && merge.Bool() {
		for signal, threshold := range eviction.DefaultEvictionHard {
			if _, stated := config.EvictionHard[signal]; !stated {
				config.EvictionHard[signal] = threshold
			}
		}
	}
	if err := logsapi.ValidateAndApply(&config.Logging, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	// What asks about the machine that this runs on.
	config.FailCgroupV1 = false
	if alone := reflect.ValueOf(config).Elem().FieldByName("SingleProcessOOMKill"); alone.IsValid() {
		alone.SetZero()
	}
	if err := validation.ValidateKubeletConfiguration(config, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	return asItStarts(config)
}

// What it reads of the document only when it starts (app.run, InitializeTLS, NewMainKubelet).
func asItStarts(config *kubeletconfig.KubeletConfiguration) error {
	if _, err := eviction.ParseThresholdConfig(config.EnforceNodeAllocatable, config.EvictionHard, config.EvictionSoft,
		config.EvictionSoftGracePeriod, config.EvictionMinimumReclaim); err != nil {
		return err
	}
	for _, reserved := range []map[string]string{config.KubeReserved, config.SystemReserved} {
		for name, text := range reserved {
			switch corev1.ResourceName(name) {
			case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage, "pid":
				quantity, err := resource.ParseQuantity(text)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				if quantity.Sign() == -1 {
					return fmt.Errorf("resource quantity for %q cannot be negative: %v", name, text)
				}
			default:
				return fmt.Errorf("cannot reserve %q resource", name)
			}
		}
	}
	if _, err := cliflag.TLSCipherSuites(config.TLSCipherSuites); err != nil {
		return err
	}
	if _, err := cliflag.TLSVersion(config.TLSMinVersion); err != nil {
		return err
	}
	if err := logsAndCerts(config); err != nil {
		return err
	}
	if err := managers(config); err != nil {
		return err
	}
	switch config.Authorization.Mode {
	case kubeletconfig.KubeletAuthorizationModeAlwaysAllow, kubeletconfig.KubeletAuthorizationModeWebhook:
	case "":
		return errors.New("no authorization mode specified")
	default:
		return fmt.Errorf("unknown authorization mode %s", config.Authorization.Mode)
	}
	return nil
}

// NewMainKubelet and ListenAndServeKubeletServer, where they need nothing of the machine.
func logsAndCerts(config *kubeletconfig.KubeletConfiguration) error {
	size, err := resource.ParseQuantity(config.ContainerLogMaxSize)
	if err != nil {
		return fmt.Errorf("invalid container log max size: %w", err)
	}
	if _, whole := size.AsInt64(); !whole {
		return errors.New("invalid max log size")
	}
	if config.ContainerLogMaxFiles <= 1 {
		return fmt.Errorf("invalid MaxFiles %d, must be > 1", config.ContainerLogMaxFiles)
	}
	if config.SyncFrequency.Duration <= 0 {
		return fmt.Errorf("invalid sync frequency %d", config.SyncFrequency.Duration)
	}
	switch config.ConfigMapAndSecretChangeDetectionStrategy {
	case kubeletconfig.WatchChangeDetectionStrategy, kubeletconfig.TTLCacheChangeDetectionStrategy, kubeletconfig.GetChangeDetectionStrategy:
	default:
		return fmt.Errorf("unknown configmap and secret manager mode: %v", config.ConfigMapAndSecretChangeDetectionStrategy)
	}
	if _, err := sysctl.NewAllowlist(config.AllowedUnsafeSysctls); err != nil {
		return err
	}
	if (config.TLSCertFile == "") != (config.TLSPrivateKeyFile == "") {
		return errors.New("failed to load certificate: open : no such file or directory")
	}
	if config.EnableServer {
		if netutils.ParseIPSloppy(config.Address) == nil {
			return fmt.Errorf("listen tcp: lookup <nil>: %q is no address", config.Address)
		}
		if config.Port == config.ReadOnlyPort || config.Port == config.HealthzPort {
			return fmt.Errorf("listen tcp: port %d is in use", config.Port)
		}
	}
	for _, endpoint := range []string{config.ContainerRuntimeEndpoint, config.ImageServiceEndpoint} {
		if endpoint == "" {
			continue
		}
		if _, _, err := criutil.GetAddressAndDialer(endpoint); err != nil {
			return err
		}
	}
	if curves := reflect.ValueOf(config).Elem().FieldByName("TLSCurvePreferences"); curves.IsValid() {
		seen := map[int64]bool{}
		for i := 0; i < curves.Len(); i++ {
			id := curves.Index(i).Int()
			if id <= 0 || id > math.MaxUint16 || seen[id] || strings.HasPrefix(tls.CurveID(id).String(), "CurveID(") {
				return fmt.Errorf("curve preference %d is out of range, a duplicate or not supported", id)
			}
			seen[id] = true
		}
	}
	return nil
}

// run and NewContainerManager of the same, for a machine that has what the document speaks of.
func managers(config *kubeletconfig.KubeletConfiguration) error {
	if config.SystemCgroups == "/" {
		return errors.New("system container cannot be root (\"/\")")
	}
	if _, err := cm.ParseQOSReserved(config.QOSReserved); err != nil {
		return err
	}
	known := utilfeature.DefaultMutableFeatureGate.GetAll()
	for gate, options := range map[featuregate.Feature]map[string]string{
		"CPUManagerPolicyOptions":      config.CPUManagerPolicyOptions,
		"TopologyManagerPolicyOptions": config.TopologyManagerPolicyOptions,
	} {
		if _, has := known[gate]; has && !utilfeature.DefaultFeatureGate.Enabled(gate) && options != nil {
			return fmt.Errorf("policy options %v require feature gates %q enabled", options, gate)
		}
	}
	if config.TopologyManagerPolicy != "none" {
		if err := common.ErrorOf(common.Call(topologymanager.NewPolicyOptions, config.TopologyManagerPolicyOptions)[1]); err != nil {
			return err
		}
	}
	reserved := func(what string) *resource.Quantity {
		sum := resource.NewQuantity(0, resource.DecimalSI)
		for _, all := range []map[string]string{config.KubeReserved, config.SystemReserved} {
			if text, is := all[what]; is {
				sum.Add(resource.MustParse(text))
			}
		}
		return sum
	}
	switch config.CPUManagerPolicy {
	case "none":
		if len(config.CPUManagerPolicyOptions) > 0 {
			return fmt.Errorf("None policy: received unsupported options=%v", config.CPUManagerPolicyOptions)
		}
	case "static":
		if reserved("cpu").IsZero() && config.ReservedSystemCPUs == "" {
			return errors.New("[cpumanager] unable to determine reserved CPU resources for static policy")
		}
		options, err := cpumanager.NewStaticPolicyOptions(config.CPUManagerPolicyOptions)
		if err != nil {
			return err
		}
		if options.AlignBySocket && config.TopologyManagerPolicy == "single-numa-node" {
			return errors.New("Topolgy manager single-numa-node policy is incompatible with CPUManager align-by-socket policy option")
		}
	default:
		return fmt.Errorf("unknown policy: %q", config.CPUManagerPolicy)
	}
	switch config.MemoryManagerPolicy {
	case "None":
	case "Static":
		return staticMemory(config, reserved("memory"))
	default:
		return fmt.Errorf("unknown policy: %q", config.MemoryManagerPolicy)
	}
	return nil
}

// memorymanager.validateReservedMemory and NewPolicyStatic.
func staticMemory(config *kubeletconfig.KubeletConfiguration, allocatable *resource.Quantity) error {
	thresholds, err := eviction.ParseThresholdConfig(nil, config.EvictionHard, nil, nil, nil)
	if err != nil {
		return err
	}
	for _, threshold := range thresholds {
		if threshold.Signal != "memory.available" {
			continue
		}
		if threshold.Value.Quantity == nil {
			return nil // a share of the machine's memory
		}
		allocatable.Add(*threshold.Value.Quantity)
	}
	sums := map[corev1.ResourceName]*resource.Quantity{corev1.ResourceMemory: resource.NewQuantity(0, resource.BinarySI)}
	for _, reservation := range config.ReservedMemory {
		for name, quantity := range reservation.Limits {
			if sums[name] == nil {
				sums[name] = resource.NewQuantity(0, resource.BinarySI)
			}
			sums[name].Add(quantity)
		}
	}
	for name, sum := range sums {
		wanted := resource.NewQuantity(0, resource.BinarySI)
		if name == corev1.ResourceMemory {
			wanted = allocatable
		}
		if !sum.Equal(*wanted) {
			return fmt.Errorf("the total amount %q of type %q is not equal to the value %q determined by Node Allocatable feature", sum, name, wanted)
		}
	}
	if sums[corev1.ResourceMemory].IsZero() {
		return errors.New("[memorymanager] you should specify the system reserved memory")
	}
	return nil
}

func main() { common.Main(tables, judge) }
