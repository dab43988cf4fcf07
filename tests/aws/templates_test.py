#!/usr/bin/env python3
"""The templates of packaging/aws: one picture, right for the product, and right for AWS's provider of Terraform."""
import json
import pathlib
import re
import unittest

import yaml

import pictures
import terraform

ROOT = pathlib.Path(__file__).parent.parent.parent
CLOUDFORMATION = ROOT / "packaging/aws/haagent.cfn.yaml"
ALARMS = ROOT / "packaging/aws/alarms.cfn.yaml"
TERRAFORM = ROOT / "packaging/aws/terraform"
CLUSTER = pictures.GIVEN["cluster_name"]
MASTERS = [f"masters-{letter}.{CLUSTER}" for letter in "abc"]
# Nothing else is given: the load balancer is in the nodes' subnets.
INTERNET_FACING = pictures.GIVEN | {"scheme": "internet-facing"}


def source(path):
    return (ROOT / path).read_text()


JOIN_PORT = re.search(r"kJoinPort = (\d+)", source("agent/base/node_config.h")).group(1)


def config_of(picture, role):
    return yaml.safe_load(picture["templates"][f"<{role} template>"]["user-data"])


def of_cloudformation(given):
    """With the stack of alarms where Terraform has alarms."""
    alarms = pictures.alarms_of(ALARMS, given) if given.get("cloud_watch", "none") != "none" else None
    return pictures.of_cloudformation(pictures.template_of(CLOUDFORMATION, given), alarms)


def parameters():
    """Of both templates; what they share is the same."""
    cluster = pictures.template_of(CLOUDFORMATION, pictures.GIVEN).parameters
    alarms = pictures.alarms_of(ALARMS, pictures.GIVEN).parameters
    return alarms | cluster


def both(given):
    return of_cloudformation(given), pictures.of_terraform(pictures.module_of(TERRAFORM, given))


class Same(unittest.TestCase):
    maxDiff = None

    def test_one_picture_with_defaults(self):
        self.assertEqual(list(pictures.differences(*both(pictures.GIVEN))), [])

    def test_one_picture_with_everything_given(self):
        self.assertEqual(list(pictures.differences(*both(pictures.VARIED))), [])

    def test_a_picture_leaves_nothing_out(self):
        template, alarms = pictures.template_of(CLOUDFORMATION, pictures.VARIED), pictures.alarms_of(ALARMS, pictures.VARIED)
        pictures.of_cloudformation(template, alarms)
        self.assertEqual(template.never_seen() + alarms.never_seen(), [])
        module = pictures.module_of(TERRAFORM, pictures.VARIED)
        pictures.of_terraform(module)
        # CloudFormation makes such names by itself, and waits for no instance without being told.
        theirs = (".name_prefix", ".wait_for_capacity_timeout", ".filter")
        self.assertEqual([line for line in module.never_seen() if not line.endswith(theirs)], [])

    def test_everything_that_can_be_given_is_varied_and_shows(self):
        names = {pictures.camel(name) for name in pictures.VARIED}
        self.assertEqual(names | pictures.ONLY_CLOUDFORMATION, set(parameters()))
        self.assertEqual(set(pictures.VARIED) | pictures.ONLY_TERRAFORM,
                         set(pictures.module_of(TERRAFORM, pictures.GIVEN).variables))
        for name, value in pictures.VARIED.items():
            if value == pictures.GIVEN.get(name):
                continue
            with self.subTest(name):
                given = pictures.GIVEN | pictures.NEEDED.get(name, {})
                plain, _ = both(given)
                varied = of_cloudformation(given | {name: value})
                self.assertNotEqual(list(pictures.differences(plain, varied)), [])

    def test_parameters_have_one_default_and_one_description(self):
        module = pictures.module_of(TERRAFORM, pictures.GIVEN)
        for name, variable in module.variables.items():
            if name in pictures.ONLY_TERRAFORM:
                continue
            with self.subTest(name):
                parameter = parameters()[pictures.camel(name)]
                self.assertEqual(terraform.unquoted(variable.get("description", '""')), parameter.get("Description", ""))
                default = variable.get("default")
                if default is None:
                    self.assertNotIn("Default", parameter)
                elif name in pictures.LISTS:
                    self.assertEqual((default, parameter["Default"]), ([], ""))
                else:
                    self.assertEqual(terraform.unquoted(str(default)), str(parameter["Default"]))


class Refused(unittest.TestCase):
    """What is said before anything is made."""
    maxDiff = None

    def cloudformation(self, given=pictures.GIVEN, **places):
        said = list(pictures.template_of(CLOUDFORMATION, given, **places).refusals())
        # Of a cluster's name both say the same.
        return said + [each for each in pictures.alarms_of(ALARMS, given).refusals() if each not in said]

    def terraform(self, given=pictures.GIVEN, **places):
        return list(pictures.module_of(TERRAFORM, given, **places).refusals())

    def test_nothing_is_said_of_what_is_right(self):
        for given in (pictures.GIVEN, pictures.VARIED):
            self.assertEqual([self.cloudformation(given), self.terraform(given)], [[], []])

    def test_each_subnet_is_in_the_zone_that_is_given_for_it(self):
        for letter in "abc":
            said = self.cloudformation(subnet_zones=pictures.ZONES | {letter: "eu-west-1d"})
            self.assertEqual(said, [f"Zone{letter.upper()} must be the zone of Subnet{letter.upper()}"])

    def test_each_master_group_has_a_zone_of_its_own(self):
        for one, other in ("ab", "bc", "ac"):
            zones = pictures.ZONES | {other: pictures.ZONES[one]}
            self.assertEqual(self.cloudformation(zones=zones), [
                f"each master group needs a zone of its own, and Zone{one.upper()} and Zone{other.upper()} are one"])
            # By each of the volumes, which are what must not be made in a wrong place.
            self.assertEqual(self.terraform(zones=zones), [
                "Each master group needs a zone of its own: the three subnets must be in three zones."] * 6)

    def test_each_subnet_is_in_the_vpc(self):
        for letter in "abc":
            vpcs = pictures.VPCS | {letter: "vpc-2"}
            self.assertEqual(self.cloudformation(vpcs=vpcs), ["SubnetA, SubnetB and SubnetC must be in VpcId"])
            self.assertEqual(self.terraform(vpcs=vpcs), ["Every subnet must be in vpc_id."])

    def test_a_volume_keeps_its_zone_and_its_key(self):
        module = pictures.module_of(TERRAFORM, pictures.VARIED)
        for name in ("main", "events"):
            volume = f"aws_ebs_volume.{name}"
            ignored = {terraform.unquoted(each).removeprefix("${").removesuffix("}")
                       for each in module.lifecycle(volume)["ignore_changes"]}
            self.assertLessEqual({"availability_zone", "kms_key_id"}, ignored)
            said, = self.terraform(pictures.VARIED, volumes={f"{volume}[b].availability_zone": "eu-west-1d"})
            self.assertIn("in another zone than the subnet", said)
            said, = self.terraform(pictures.VARIED, volumes={f"{volume}[b].kms_key_id": "arn:aws:kms:eu-west-1:1:key/9"})
            self.assertIn("encrypted with another key", said)

    def test_values_are_refused_by_both(self):
        long = "a" * 40
        bad_and_good = {
            "cluster_name": (["", "Prod", "prod.", "-prod", f"{long}.abcd"], ["prod", "a.b-c", f"{long}.abc"]),
            "kubernetes_version": (["", "1.33", "v1.33.2", "1.33.2-rc.0"], ["1.33.2", "1.30.14"]),
            "administrators": (
                [[], [""], ["*"], ["ops"], ["arn:aws:iam::123456789012:role/*"], ["arn:aws:iam::*:role/ops"],
                 ["arn:aws:iam::123456789012:user/ops", "arn:aws:sts::123456789012:assumed-role/ops/me"]],
                [["arn:aws:iam::123456789012:root"], ["arn:aws-cn:iam::123456789012:role/team/ops"],
                 ["arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Ops_*"]]),
            "scheme": (["", "public"], ["internal", "internet-facing"]),
            "api_clients": (["", "10.0.0.0", "10.0.0.0/8,192.0.2.0/24", "sg-1", "10.0.0.0/8\n"], ["192.0.2.0/24"]),
            "volume_key_arn": (["alias/etcd", "1-2", "arn:aws:kms:eu-west-1:123456789012:alias/etcd"],
                               ["", "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1"]),
            "workers_min": ([-1], [0]), "workers_max": ([-1], [0]), "root_volume_size": ([7], [8]),
            "main_volume_size": ([9], [10]), "events_volume_size": ([9], [10]),
            "launching_timeout": ([29, 7201], [30, 7200]), "terminating_timeout": ([29, 7201], [30, 7200]),
            "token_issuer": (["0f1e.tokens.sts.global.api.aws", "http://issuer.test", "https://", "https://issuer.test/",
                              "https://issuer.test?a", "https://me@issuer.test", 'https://issuer.test"', "https://a\n"],
                             ["", "https://0f1e.tokens.sts.global.api.aws"]),
            "cloud_watch": (["", "off", "Put"], ["none", "embedded", "put"]),
            "alarm_topic_arn": (["on-call", "arn:aws:sqs:eu-west-1:123456789012:on-call", "arn:aws:sns:eu-west-1:1:a b"],
                                ["", "arn:aws-cn:sns:cn-north-1:123456789012:on-call"]),
        }
        bounds = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue", "MaxLength"}
        bounded = {name for name, parameter in parameters().items() if bounds & set(parameter)}
        self.assertEqual({pictures.camel(name) for name in bad_and_good}, bounded)
        for name, (bad, good) in bad_and_good.items():
            for value in bad + good:
                with self.subTest(name, value=value):
                    given = pictures.GIVEN | pictures.NEEDED.get(name, {}) | {name: value}
                    wanted = 1 if value in bad else 0
                    self.assertEqual([len(self.cloudformation(given)), len(self.terraform(given))], [wanted] * 2)


    def test_a_topic_without_alarms_is_refused(self):
        given = pictures.GIVEN | {"alarm_topic_arn": pictures.VARIED["alarm_topic_arn"]}
        self.assertEqual(self.terraform(given),
                         ["alarm_topic_arn needs cloud_watch, embedded or put; without it there are no alarms."])

    def test_cloudformation_takes_each_template_as_a_file(self):
        """What is longer has to go through a bucket, which nobody has before the first stack."""
        for template in (CLOUDFORMATION, ALARMS):
            self.assertLessEqual(template.stat().st_size, 51_200, template.name)

    def test_a_cluster_of_the_same_name_has_the_same_bounds(self):
        cluster, alarms = (template.parameters["ClusterName"] for template in (
            pictures.template_of(CLOUDFORMATION, pictures.GIVEN), pictures.alarms_of(ALARMS, pictures.GIVEN)))
        self.assertEqual(alarms, cluster)


class AsTheProductHasIt(unittest.TestCase):
    """Both are one picture, so that one of them is looked at here."""
    maxDiff = None

    def setUp(self):
        self.picture = both(pictures.GIVEN)[0]

    def test_three_master_groups_of_one_each_in_its_zone(self):
        groups = self.picture["groups"]
        self.assertEqual(sorted(groups), [*MASTERS, f"workers.{CLUSTER}"])
        for letter, name in zip("abc", MASTERS):
            group = groups[name]
            self.assertEqual([group["min"], group["desired"], group["max"]], ["1", "1", "1"])
            self.assertEqual(group["subnets"], [pictures.SUBNETS[letter]])
            self.assertEqual(group["targets"], ["<targets arn>", "<join targets arn>"])
        self.assertEqual(groups[f"workers.{CLUSTER}"]["desired"], "", "an update would scale the workers back")
        self.assertEqual(groups[f"workers.{CLUSTER}"]["subnets"], sorted(pictures.SUBNETS.values()))

    def test_groups_come_after_what_they_need_and_go_before_it(self):
        # The ways: to etcd's other members, to their agents, and to the apiservers through the load balancer.
        resources = pictures.template_of(CLOUDFORMATION, pictures.GIVEN).tree["Resources"]
        for letter in "ABC":
            self.assertEqual(set(resources[f"Masters{letter}"]["DependsOn"]), {
                f"MainVolume{letter}", f"EventsVolume{letter}", "StateBucketPolicy", "ApiListener",
                "MasterEtcdMain", "MasterEtcdEvents", "MasterAgent", "MasterFromApi"})
        # Terraform's roles and security groups have their policies and ways out beside them.
        module = pictures.module_of(TERRAFORM, pictures.GIVEN)
        groups = {name: set(module.blocks["resource"][("aws_autoscaling_group", name)]["depends_on"])
                  for name in ("masters", "workers")}
        ways_in, ways_out = "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"
        self.assertEqual(groups, {
            "masters": {f"${{{name}}}" for name in (
                "aws_ebs_volume.main", "aws_ebs_volume.events", "aws_s3_bucket_policy.state",
                "aws_iam_role_policy.master", "aws_iam_role_policy.master_volume_key", "aws_lb_listener.api",
                f"{ways_in}.master_etcd_main", f"{ways_in}.master_etcd_events", f"{ways_in}.master_agent",
                f"{ways_in}.api_from_masters", f"{ways_in}.master_from_api", f"{ways_out}.master", f"{ways_out}.api")},
            "workers": {f"${{{name}}}" for name in (
                "aws_iam_role_policy.worker", "aws_iam_role_policy.worker_join_token", f"{ways_out}.worker")}})

    def test_hooks_have_the_names_that_the_agent_looks_for(self):
        config = source("agent/base/node_config.h")
        names = dict(re.findall(r'std::string (launching|terminating)_hook = "([^"]+)"', config))
        for name, group in self.picture["groups"].items():
            with self.subTest(name):
                self.assertEqual({hook: row[0] for hook, row in group["hooks"].items()}, {
                    names["launching"]: "autoscaling:EC2_INSTANCE_LAUNCHING",
                    names["terminating"]: "autoscaling:EC2_INSTANCE_TERMINATING"})

    def test_volumes_are_those_of_the_region_that_the_demo_runs(self):
        demo = yaml.safe_load(source("tests/demo-region/region.yaml"))
        wanted = {(volume["name"] + "." + CLUSTER, volume["zone"]): {
            key.replace("demo.haagent.test", CLUSTER): value for key, value in volume["tags"].items()}
            for volume in demo["volumes"]}
        made = {}
        for name, volume in self.picture["volumes"].items():
            tags = dict(volume["tags"])
            self.assertEqual(tags.pop("Name"), name)
            self.assertEqual(tags.pop("KubernetesCluster"), CLUSTER)
            made[(name, volume["zone"])] = tags
        self.assertEqual(made, wanted)

    def test_volumes_and_bucket_are_encrypted_and_kept(self):
        for name, volume in self.picture["volumes"].items():
            with self.subTest(name):
                self.assertEqual([volume["type"], volume["encrypted"], volume["kept"]], ["gp3", "true", "true"])
        bucket = self.picture["bucket"]
        self.assertEqual([bucket["kept"], bucket["versioning"], bucket["encryption"], bucket["public"]],
                         ["true", "Enabled", "AES256", ["true"] * 4])
        self.assertEqual({(each["Effect"], each["Principal"]) for each in bucket["policy"]["Statement"]}, {("Deny", "*")})
        tls = bucket["policy"]["Statement"][0]
        self.assertEqual([tls["Action"], tls["Condition"], tls["Resource"]],
                         ["s3:*", {"Bool": {"aws:SecureTransport": "false"}}, ["<bucket arn>", "<bucket arn>/*"]])

    def test_the_bucket_is_for_masters_and_administrators_alone(self):
        for given in (pictures.GIVEN, pictures.VARIED):
            for picture in both(given):
                denied = {each["Sid"]: (each["Action"], each["Resource"], each["Condition"])
                          for each in picture["bucket"]["policy"]["Statement"][1:]}
                readers = {"ArnNotLike": {"aws:PrincipalArn": ["<master role arn>", *given["administrators"]]}}
                self.assertEqual(denied, {
                    "ObjectsForMastersAndAdministratorsAlone": ("s3:*", ["<bucket arn>/*"], readers),
                    "NamesForMastersAndAdministratorsAlone": (
                        ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"], ["<bucket arn>"],
                        readers),
                    "GuardsForAdministratorsAlone": (
                        ["s3:DeleteBucket*", "s3:Put*"], ["<bucket arn>"],
                        {"ArnNotLike": {"aws:PrincipalArn": given["administrators"]}})})

    def test_what_terraform_keeps_is_named_where_the_cluster_is_removed(self):
        module = pictures.module_of(TERRAFORM, pictures.GIVEN)
        kept = {f"{type_}.{name}" for (type_, name) in module.blocks["resource"]
                if module.lifecycle(f"{type_}.{name}").get("prevent_destroy")}
        told = re.search(r"tofu [^\n]*state rm (.*?)(?<!\\)\n", source("packaging/aws/README.md"), re.S).group(1)
        self.assertEqual(set(told.replace("\\\n", " ").split()), kept)

    def test_metadata_is_asked_by_version_2_alone_and_from_the_machine_alone(self):
        for name, template in self.picture["templates"].items():
            with self.subTest(name):
                self.assertEqual(template["metadata"],
                                 {"endpoint": "enabled", "tokens": "required", "hops": "1", "tags": "disabled"})

    def test_what_is_to_be_added_to_is_an_output(self):
        outputs = self.picture["outputs"]
        self.assertEqual({name: outputs[name] for name in outputs if name not in ("Endpoint", "State")}, {
            "MasterRoleName": "<master role>", "WorkerRoleName": "<worker role>", "ApiSecurityGroupId": "<api>",
            "MasterSecurityGroupId": "<masters>", "WorkerSecurityGroupId": "<workers>"})
        told = source("packaging/aws/README.md")
        self.assertEqual([name for name in outputs if name.endswith("GroupId") and f"`{name}`" not in told], [])
        self.assertEqual([name for name in re.findall(r"`(\w+(?:GroupId|RoleName))`", told) if name not in outputs], [])

    def test_user_data_are_a_node_config(self):
        # A public load balancer has no join port, so that workers are told of another one.
        public = {"joinEndpoint": f"https://<join balancer dns>:{JOIN_PORT}"}
        issuer = {"tokenIssuer": pictures.VARIED["token_issuer"]}
        for given, of_master, of_worker in (
                (pictures.GIVEN, {}, {}), (INTERNET_FACING, {}, public), (pictures.VARIED, issuer, public)):
            for role in ("master", "worker"):
                config = config_of(both(given)[0], role)
                config.pop("metrics", None)  # see Monitoring
                overlay = int(given.get("overlay_port", 8472))
                # Each side knows the other by its role.
                join = ({"workerRoles": ["<worker role>"], "workerProfiles": ["<worker profile>"], **of_master}
                        if role == "master" else {"masterRole": "<master role>", **of_worker})
                self.assertEqual(config, {
                    "apiVersion": "haagent.io/v1", "kind": "NodeConfig", "role": role,
                    "cluster": {"name": CLUSTER, "endpoint": "https://<balancer dns>",
                                "state": f"s3://<bucket>/{CLUSTER}", "vxlanPort": overlay, **join},
                    "kubernetes": {"version": "1.33.2"}})

    def test_the_endpoint_is_what_a_master_can_reach_itself_through(self):
        endpoint, targets = self.picture["balancers"]["<balancer arn>"], self.picture["targets"]["<targets arn>"]
        self.assertEqual([endpoint["type"], endpoint["cross zone"], targets["keeps clients' addresses"]],
                         ["network", "true", "false"])
        self.assertEqual(targets["port"], "6443")
        self.assertEqual(targets["health"][:4], ["HTTPS", "traffic-port", "/readyz", "200"])
        self.assertIn(["<balancer arn>", "TCP", "443", "forward", "<targets arn>"], self.picture["listeners"])

    def test_masters_see_the_addresses_of_workers_that_ask_to_join(self):
        for given in (pictures.GIVEN, INTERNET_FACING):
            targets = both(given)[0]["targets"]["<join targets arn>"]
            self.assertEqual([targets["port"], targets["keeps clients' addresses"]], [JOIN_PORT, "true"])

    def test_an_internal_load_balancer_takes_workers_that_ask_to_join(self):
        for picture in both(pictures.GIVEN):
            self.assertEqual(list(picture["balancers"]), ["<balancer arn>"])
            self.assertNotIn("joinEndpoint", config_of(picture, "worker")["cluster"])
            self.assertIn(["<balancer arn>", "TCP", JOIN_PORT, "forward", "<join targets arn>"], picture["listeners"])

    def test_beside_a_public_load_balancer_an_internal_one_takes_workers_that_ask_to_join(self):
        for picture in (picture for given in (INTERNET_FACING, pictures.VARIED) for picture in both(given)):
            endpoint = config_of(picture, "worker")["cluster"]["joinEndpoint"]
            arn = re.fullmatch(rf"https://(<.+) dns>:{JOIN_PORT}", endpoint).group(1) + " arn>"
            self.assertNotIn(arn, config_of(picture, "worker")["cluster"]["endpoint"])
            balancer = picture["balancers"][arn]
            self.assertEqual([balancer[key] for key in ("type", "scheme", "cross zone")], ["network", "internal", "true"])
            # Not ApiSubnets: those are public ones.
            self.assertEqual(sorted(balancer["subnets"]), sorted(pictures.SUBNETS.values()))
            (_, protocol, port, _, targets), = [each for each in picture["listeners"] if each[0] == arn]
            self.assertEqual([protocol, port], ["TCP", JOIN_PORT])
            self.assertEqual(picture["targets"][targets], both(pictures.GIVEN)[0]["targets"]["<join targets arn>"])
            for name in MASTERS:
                self.assertIn(targets, picture["groups"][name]["targets"])
            security, = balancer["security"]
            passed = {row[:-1] for row in picture["rules"] if security in row}
            self.assertEqual(passed, {("in", security, "<workers>", "tcp", JOIN_PORT, JOIN_PORT),
                                      ("out", security, "<masters>", "tcp", JOIN_PORT, JOIN_PORT),
                                      ("in", "<masters>", security, "tcp", JOIN_PORT, JOIN_PORT)})

    def test_nobody_but_nodes_reaches_the_join_port(self):
        for picture in (picture for given in (pictures.GIVEN, INTERNET_FACING, pictures.VARIED) for picture in both(given)):
            for arn, _, port, _, _ in picture["listeners"]:
                if port == JOIN_PORT:
                    self.assertEqual(picture["balancers"][arn]["scheme"], "internal")
            for direction, group, peer, _, first, last, _ in picture["rules"]:
                passes = first == "all" or int(first) <= int(JOIN_PORT) <= int(last)
                if direction == "in" and passes:
                    self.assertIn(peer, picture["security groups"], f"{group} lets addresses in")

    def test_ports_are_those_that_the_product_listens_on(self):
        for given, joins in ((pictures.GIVEN, "<api>"), (INTERNET_FACING, "<join>")):
            with self.subTest(given.get("scheme")):
                self.check_ports(both(given)[0]["rules"], joins)

    def check_ports(self, rules, joins):
        """joins: the security group of the load balancer that workers join over."""
        config = source("agent/base/node_config.h")
        ports = {}
        for name in ("Main", "Events"):
            numbers = re.search(rf"kEtcd{name}Ports\{{(\d+), (\d+), (\d+)\}}", config).groups()
            # Metrics are on the loopback alone.
            ports[name] = list(map(int, numbers[:2]))
        agent = int(re.search(r"kAgentPort = (\d+)", config).group(1))
        apiserver = int(re.search(r'"secure-port", "(\d+)"', source("bootstrap/kube/apiserver.cc")).group(1))
        join = int(JOIN_PORT)
        kubelet, overlay = 10250, 8472
        among_masters = [("tcp", *ports["Main"]), ("tcp", *ports["Events"]), ("tcp", agent, agent),
                         ("tcp", apiserver, apiserver), ("tcp", kubelet, kubelet), ("udp", overlay, overlay)]
        wanted = {("in", "<masters>", "<masters>", *row) for row in among_masters}
        wanted |= {("in", "<masters>", "<api>", "tcp", apiserver, apiserver),
                   ("out", "<api>", "<masters>", "tcp", apiserver, apiserver),
                   ("in", "<masters>", "<workers>", "tcp", apiserver, apiserver),
                   ("in", "<masters>", "<workers>", "udp", overlay, overlay),
                   ("in", "<workers>", "<masters>", "tcp", agent, agent),
                   ("in", "<workers>", "<masters>", "tcp", join, join),
                   ("in", "<masters>", joins, "tcp", join, join),
                   ("out", joins, "<masters>", "tcp", join, join),
                   ("in", joins, "<workers>", "tcp", join, join),
                   ("in", "<workers>", "<masters>", "tcp", kubelet, kubelet),
                   ("in", "<workers>", "<masters>", "udp", overlay, overlay),
                   ("in", "<workers>", "<workers>", "udp", overlay, overlay),
                   ("in", "<api>", "<masters>", "tcp", 443, 443), ("in", "<api>", "<workers>", "tcp", 443, 443),
                   ("in", "<api>", "10.0.0.0/8", "tcp", 443, 443),
                   ("out", "<masters>", "0.0.0.0/0", "-1", "all", "all"),
                   ("out", "<workers>", "0.0.0.0/0", "-1", "all", "all")}
        self.assertEqual({row[:-1] for row in rules},
                         {tuple(map(str, row)) for row in wanted})


def actions_of(policy):
    found = []
    for statement in policy["Statement"]:
        found += statement["Action"]
    return found


class Permissions(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.roles = both(pictures.GIVEN)[0]["roles"]

    def policy(self, role):
        policies = self.roles[f"<{role} role>"]["policies"]
        self.assertEqual(list(policies), ["haagent"])
        return policies["haagent"]

    def test_nothing_is_missing_and_nothing_is_unused(self):
        ec2 = re.findall(r'(?:call|describe)\(\s*"(\w+)"', source("agent/aws/ec2_client.cc"))
        s3 = re.findall(r'named\("s3:\w+",\s*"(s3:\w+)"', source("agent/aws/s3_client.cc"))
        autoscaling = [f"autoscaling:{name}" for name in re.findall(
            r'"((?:Describe|Complete|Record)\w+)"', source("agent/aws/autoscaling.cc"))]
        self.assertEqual([len(set(each)) for each in (ec2, s3, autoscaling)], [5, 5, 4])
        masters, workers = actions_of(self.policy("master")), actions_of(self.policy("worker"))
        # What the packaged cloud controller manager asks of EC2 beside haagent, on the same instances.
        controller = {"ec2:DescribeAvailabilityZones", "ec2:DescribeInstanceTopology"}
        self.assertEqual(sorted(masters), sorted({f"ec2:{name}" for name in ec2} | controller | set(s3) | set(autoscaling)))
        self.assertEqual(sorted(workers), sorted(set(autoscaling)))

    def test_what_workers_may_for_tokens_is_what_the_table_has(self):
        table = re.findall(r'\{"(sts:\w+)", (true|false), (true|false), [^}]*kWithTokens', source("agent/aws/permissions.h"))
        self.assertEqual({(master, worker) for _, master, worker in table}, {("false", "true")})
        for picture in both(pictures.VARIED):
            allowed = [each for role in picture["roles"].values() for policy in role["policies"].values()
                       for each in actions_of(policy) if each.startswith("sts:")]
            self.assertEqual(sorted(allowed), sorted(action for action, _, _ in table))

    def test_only_what_knows_no_resources_is_for_all_of_them(self):
        for role in ("master", "worker"):
            for statement in self.policy(role)["Statement"]:
                with self.subTest(role=role, sid=statement["Sid"]):
                    describes = all(action.split(":")[1].startswith("Describe") for action in statement["Action"])
                    self.assertEqual(statement["Resource"] == "*", describes)
                    text = json.dumps(statement)
                    self.assertIn('"aws:RequestedRegion"' if describes else CLUSTER, text)
                    self.assertFalse([action for action in statement["Action"] if "*" in action])

    def test_tags_are_those_that_the_agent_writes(self):
        written = re.findall(r'constexpr (?:std::string_view|char) k\w+(?:\[\])? ?= ?"(haagent\.io/[\w-]+)"',
                             source("agent/base/facts.h") + source("volumes/inventory.h") + "\n".join(
                                 file.read_text() for folder in ("volumes", "bootstrap/etcd", "agent/base")
                                 for file in sorted((ROOT / folder).glob("*.h"))))
        statement, = [each for each in self.policy("master")["Statement"] if each["Action"] == ["ec2:CreateTags"]]
        self.assertEqual(sorted(set(written)), statement["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"])

    def test_what_the_policies_ask_for_is_tagged_so(self):
        picture = both(pictures.GIVEN)[0]
        mine = {"KubernetesCluster": CLUSTER, "k8s.io/role/control-plane": "1"}
        for volume in picture["volumes"].values():
            self.assertLessEqual(mine.items(), volume["tags"].items())
        for name, group in picture["groups"].items():
            role = "control-plane" if name in MASTERS else "node"
            tags = {"KubernetesCluster": CLUSTER, f"k8s.io/role/{role}": "1", f"kubernetes.io/cluster/{CLUSTER}": "owned"}
            self.assertLessEqual({key: [value, "true"] for key, value in tags.items()}.items(), group["tags"].items())

    def test_a_key_of_ones_own_needs_a_grant_and_no_more(self):
        for picture in both(pictures.VARIED):
            policies = picture["roles"]["<master role>"]["policies"]
            statement, = policies["haagent-volume-key"]["Statement"]
            self.assertEqual(statement["Action"], ["kms:CreateGrant"])
            self.assertEqual(statement["Resource"], [pictures.VARIED["volume_key_arn"]])
            self.assertNotIn("haagent-volume-key", picture["roles"]["<worker role>"]["policies"])

    def test_a_worker_gets_a_token_for_its_cluster_and_for_one_request(self):
        binding = source("bootstrap/join/exchange/binding.h") + source("bootstrap/join/exchange/binding.cc")
        tag = re.search(r'kTokenTag\[\] = "([^"]+)"', binding).group(1)
        life = re.search(r"kTokenLife\{(\d+)\}", binding).group(1)
        audience = re.search(r'fmt::format\("(haagent:\{\})", cluster\)', binding).group(1).format(CLUSTER)
        for picture in both(pictures.VARIED):
            policies = picture["roles"]["<worker role>"]["policies"]
            self.assertEqual(sorted(policies), ["haagent", "haagent-join-token", "haagent-metrics"])
            self.assertNotIn("haagent-join-token", picture["roles"]["<master role>"]["policies"])
            token, tags = policies["haagent-join-token"]["Statement"]
            for statement in (token, tags):
                # An audience that is not there would fit ForAllValues.
                self.assertEqual(statement["Condition"]["ForAllValues:StringEquals"]["sts:IdentityTokenAudience"], [audience])
                self.assertEqual(statement["Condition"]["Null"]["sts:IdentityTokenAudience"], "false")
            self.assertEqual(token["Condition"]["NumericLessThanEquals"], {"sts:DurationSeconds": life})
            self.assertEqual(tags["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"], [tag])
            self.assertEqual([token["Action"], tags["Action"]],
                             [["sts:GetWebIdentityToken"], ["sts:TagGetWebIdentityToken"]])


class Monitoring(unittest.TestCase):
    """Metrics, the permission for them, and alarms on them."""
    maxDiff = None

    def readings(self):
        """Name: unit, of all that the agent sends."""
        rules = source("agent/cloudwatch/readings.cc")
        found = dict(re.findall(r'\{"([A-Z]\w+)",\s*"(\w+)",\s*"haagent_', rules))
        found |= dict(re.findall(r'add\("([A-Z]\w+)", "(\w+)", disk_used', rules))
        self.assertGreater(len(found), 20)
        return found

    def test_there_is_nothing_of_it_unless_it_is_asked_for(self):
        for picture in both(pictures.GIVEN):
            self.assertEqual(picture["alarms"], {})
            for role in ("master", "worker"):
                self.assertNotIn("metrics", config_of(picture, role))
                self.assertNotIn("haagent-metrics", picture["roles"][f"<{role} role>"]["policies"])

    def test_nodes_are_told_how(self):
        for mode in ("embedded", "put"):
            for picture in both(pictures.GIVEN | {"cloud_watch": mode}):
                for role in ("master", "worker"):
                    self.assertEqual(config_of(picture, role)["metrics"], {"cloudWatch": {"mode": mode}})

    def test_who_puts_may_put_into_one_namespace_and_who_writes_lines_needs_no_permission(self):
        namespace = re.search(r'std::string space = "(\w+)"', source("agent/base/node_config.h")).group(1)
        for picture in both(pictures.GIVEN | {"cloud_watch": "embedded"}):
            for role in picture["roles"].values():
                self.assertNotIn("haagent-metrics", role["policies"])
        for picture in both(pictures.GIVEN | {"cloud_watch": "put"}):
            for role in ("master", "worker"):
                statement, = picture["roles"][f"<{role} role>"]["policies"]["haagent-metrics"]["Statement"]
                self.assertEqual(statement["Action"], ["cloudwatch:PutMetricData"])
                self.assertEqual(statement["Condition"]["StringEquals"]["cloudwatch:namespace"], namespace)
            self.assertEqual({alarm["namespace"] for alarm in picture["alarms"].values()}, {namespace})

    def test_alarms_are_on_metrics_that_are_sent(self):
        readings = self.readings()
        picture = both(pictures.VARIED)[0]
        self.assertGreater(len(picture["alarms"]), 10)
        for name, alarm in picture["alarms"].items():
            with self.subTest(name):
                self.assertIn(alarm["metric"], readings)
                dimensions = dict(alarm["dimensions"])
                self.assertEqual(dimensions.pop("Cluster"), CLUSTER)
                self.assertIn(dimensions.pop("Role"), ("master", "worker"))
                # By zone there is one, and of masters alone.
                if dimensions:
                    self.assertEqual((alarm["metric"], alarm["dimensions"]["Role"]), ("NodeReady", "master"))
                    self.assertIn(dimensions.pop("Zone"), pictures.ZONES.values())
                self.assertEqual(dimensions, {})
                # CloudWatch takes a day at the most, and the agent sends each minute.
                self.assertEqual(int(alarm["period"]) % 60, 0)
                self.assertLessEqual(int(alarm["period"]) * int(alarm["periods"]), 86400)
                self.assertEqual(alarm["tells"], [[pictures.VARIED["alarm_topic_arn"]]] * 2)

    def test_each_master_and_each_etcd_has_its_alarms(self):
        alarms = both(pictures.VARIED)[0]["alarms"]
        self.assertEqual({alarm["dimensions"]["Zone"] for alarm in alarms.values() if "Zone" in alarm["dimensions"]},
                         set(pictures.ZONES.values()))
        etcd = {alarm["metric"] for alarm in alarms.values() if alarm["metric"].startswith("Etcd")}
        self.assertEqual({each.replace("Main", "Events") for each in etcd if "Main" in each},
                         {each for each in etcd if "Events" in each})

    def test_silence_is_an_alarm_of_masters_and_of_a_quorum_alone(self):
        for name, alarm in both(pictures.VARIED)[0]["alarms"].items():
            with self.subTest(name):
                says_that_it_lives = "Zone" in alarm["dimensions"] or alarm["metric"].endswith("HasLeader")
                worker = alarm["dimensions"]["Role"] == "worker"
                self.assertEqual(alarm["missing"], "breaching" if says_that_it_lives
                                 else "notBreaching" if worker else "ignore")

    def test_alarms_say_what_to_do_in_commands_that_there_are(self):
        reasons = set(re.findall(r"HAAGENT_REASON\((\w+),", source("agent/base/reasons.inc")))
        for name, alarm in both(pictures.VARIED)[0]["alarms"].items():
            with self.subTest(name):
                commands = re.findall(r"'(haagent [^']+)'", alarm["description"])
                self.assertTrue(commands, alarm["description"])
                for command in commands:
                    if command.startswith("haagent explain "):
                        self.assertIn(command.split()[2], reasons)
                    else:
                        self.assertIn(command, ("haagent status", "haagent status --cluster", "haagent pki rotate"))
                self.assertLessEqual(len(alarm["description"]), 1024)

    def test_a_renewal_that_works_is_no_alarm(self):
        """A leaf is renewed at two thirds of its life, long before the alarm on its end."""
        hours = re.search(r"leaf_lifetime = std::chrono::hours\(24 \* (\d+)\)", source("agent/base/node_config.h")).group(1)
        alarm, = [each for each in both(pictures.VARIED)[0]["alarms"].values() if each["metric"] == "CertificateTimeLeft"]
        self.assertLess(int(alarm["threshold"]), int(hours) * 86400 / 3 - 14 * 86400)


class Provider(unittest.TestCase):
    """Terraform's types, arguments, blocks and attributes against those of AWS's provider."""

    def setUp(self):
        self.schema = json.loads((pathlib.Path(__file__).parent / "provider.json").read_text())
        self.module = pictures.module_of(TERRAFORM, pictures.VARIED)

    def check(self, path, body, schema):
        for name, value in body.items():
            if name.startswith("__") or (name in ("for_each", "count", "lifecycle", "depends_on") and path.count(".") < 2):
                continue
            if name in schema["blocks"]:
                self.assertIsInstance(value, list, f"{path}.{name} is a block")
                for each in value:
                    self.check(f"{path}.{name}", each, schema["blocks"][name])
            else:
                self.assertIn(name, schema["arguments"], f"{path} takes no such argument")
        for name in schema["required"]:
            self.assertIn(name, body, f"{path} needs it")

    def test_every_block_is_of_a_known_type_with_known_arguments(self):
        for kind, blocks in self.module.blocks.items():
            for (type_, name), body in blocks.items():
                with self.subTest(f"{type_}.{name}"):
                    self.assertIn(type_, self.schema[kind])
                    self.check(f"{type_}.{name}", body, self.schema[kind][type_])

    def test_every_attribute_that_is_used_is_there(self):
        for given in (pictures.GIVEN, pictures.VARIED):
            module = pictures.module_of(TERRAFORM, given)
            pictures.of_terraform(module)
            self.assertEqual(list(module.refusals()), [])
            self.assertGreater(len(module.references), 15)
            for kind, type_, attribute in sorted(module.references):
                self.assertIn(attribute, self.schema[kind][type_]["attributes"], f"of {type_}")

    def test_the_version_is_one_that_the_module_takes(self):
        required = source("packaging/aws/terraform/versions.tf")
        least = re.search(r'version = ">= ([0-9.]+)"', required).group(1)
        self.assertGreaterEqual(list(map(int, self.schema["version"].split("."))), list(map(int, least.split("."))))


if __name__ == "__main__":
    unittest.main()
