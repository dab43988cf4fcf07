// What kubelet does with its flags and its document before it starts, step by step as
// NewKubeletCommand does (cmd/kubelet/app/server.go).
package main

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	"k8s.io/kubernetes/pkg/kubelet/eviction"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/util/codec"

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
	return tables
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
	if _, err := resource.ParseQuantity(config.ContainerLogMaxSize); err != nil {
		return fmt.Errorf("invalid container log max size: %w", err)
	}
	if policy := config.CPUManagerPolicy; policy != "none" && policy != "static" {
		return fmt.Errorf("unknown policy: %q", policy)
	}
	if policy := config.MemoryManagerPolicy; policy != "None" && policy != "Static" {
		return fmt.Errorf("unknown policy: %q", policy)
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

func main() { common.Main(tables, judge) }
