"""What each of the two templates makes, as one plain picture: the same keys and values for both."""
import base64
import json

import cloudformation
import terraform

ACCOUNT, REGION, PARTITION, SUFFIX = "123456789012", "eu-west-1", "aws", "amazonaws.com"
ZONES = {"a": "eu-west-1a", "b": "eu-west-1b", "c": "eu-west-1c"}
SUBNETS = {"a": "subnet-a", "b": "subnet-b", "c": "subnet-c"}
# Where AWS has each of them.
VPCS = {letter: "vpc-1" for letter in SUBNETS}

# What a user gives, by Terraform's names.
GIVEN = {"cluster_name": "prod.example.com", "kubernetes_version": "1.33.2", "image_id": "ami-1", "vpc_id": "vpc-1",
         "administrators": [f"arn:aws:iam::{ACCOUNT}:role/deploys"]}
VARIED = GIVEN | {
    "administrators": [f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Admins_*",
                       f"arn:aws:iam::{ACCOUNT}:user/ops"],
    "scheme": "internet-facing", "api_subnet_ids": ["subnet-x", "subnet-y", "subnet-z"], "api_clients": "192.0.2.0/24",
    "overlay_port": 4789, "master_instance_type": "m7g.xlarge", "worker_instance_type": "c7g.large", "workers_min": 2,
    "workers_max": 6, "root_device_name": "/dev/sda1", "root_volume_size": 30,
    "main_volume_size": 50, "events_volume_size": 15,
    "volume_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1-2", "launching_timeout": 600, "terminating_timeout": 120,
    "token_issuer": "https://0f1e2d3c-4b5a-4697-8877-665544332211.tokens.sts.global.api.aws",
    "cloud_watch": "put", "alarm_topic_arn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:on-call",
}
# Parameters of the alarms' template, which is a stack of its own; the cluster's has the others, and shares two.
OF_ALARMS = {"cluster_name", "alarm_topic_arn"}
# What Terraform takes only where something else is given.
NEEDED = {"alarm_topic_arn": {"cloud_watch": "embedded"}}
# Parameters that are shaped otherwise in the two.
LISTS = {"api_subnet_ids": "ApiSubnets"}
ONLY_TERRAFORM = {"subnet_ids"}
ONLY_CLOUDFORMATION = {f"{what}{letter}" for what in ("Subnet", "Zone") for letter in "ABC"}

# The same thing's name in each, and what a picture calls it.
NAMES = {
    "StateBucket": "bucket", "aws_s3_bucket.state": "bucket",
    "MasterSecurityGroup": "masters", "aws_security_group.master": "masters",
    "WorkerSecurityGroup": "workers", "aws_security_group.worker": "workers",
    "ApiSecurityGroup": "api", "aws_security_group.api": "api",
    "JoinSecurityGroup": "join", "aws_security_group.join": "join",
    "MasterRole": "master role", "aws_iam_role.master": "master role",
    "WorkerRole": "worker role", "aws_iam_role.worker": "worker role",
    "MasterProfile": "master profile", "aws_iam_instance_profile.master": "master profile",
    "WorkerProfile": "worker profile", "aws_iam_instance_profile.worker": "worker profile",
    "LoadBalancer": "balancer", "aws_lb.api": "balancer",
    "JoinLoadBalancer": "join balancer", "aws_lb.join": "join balancer",
    "ApiTargets": "targets", "aws_lb_target_group.api": "targets",
    "JoinTargets": "join targets", "aws_lb_target_group.join": "join targets",
    "MasterTemplate": "master template", "aws_launch_template.master": "master template",
    "WorkerTemplate": "worker template", "aws_launch_template.worker": "worker template",
    "aws_s3_bucket_versioning.state": "bucket",
}
ATTRIBUTES = {"": "", "id": "", "name": "", "bucket": "", "Arn": "arn", "arn": "arn", "DNSName": "dns",
              "dns_name": "dns", "LatestVersionNumber": "latest", "latest_version": "latest"}


def camel(name):
    """cluster_name: ClusterName."""
    return LISTS.get(name) or "".join(part.capitalize() for part in name.split("_"))


def named(ref):
    attribute = ATTRIBUTES[ref.attribute]
    name = NAMES[ref.address]
    # CloudFormation's Ref of a balancer or target group is its ARN.
    if name in ("balancer", "join balancer", "targets", "join targets") and not attribute:
        attribute = "arn"
    return f"<{name}{' ' + attribute if attribute else ''}>"


def plain(value):
    """References by their common names, numbers and truth values as texts: AWS takes them so."""
    if isinstance(value, terraform.Ref):
        return named(value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        for address, attribute in sorted(TEXT_REFERENCES, key=lambda pair: -len(repr(terraform.Ref(*pair)))):
            value = value.replace(repr(terraform.Ref(address, attribute)), named(terraform.Ref(address, attribute)))
        return value
    return str(value)


TEXT_REFERENCES = [(address, attribute) for address in NAMES for attribute in ATTRIBUTES]


def policy(text):
    return plain(cloudformation.document(text))


# CloudFormation.

def template_of(file, given, zones=ZONES, subnet_zones=None, vpcs=VPCS):
    """zones: as they are given. subnet_zones: those that the subnets are in, where they are others."""
    values = {camel(name): ",".join(value) if isinstance(value, list) else value for name, value in given.items()
              if name not in OF_ALARMS - {"cluster_name"}}
    values |= {f"Subnet{letter.upper()}": SUBNETS[letter] for letter in SUBNETS}
    values |= {f"Zone{letter.upper()}": zones[letter] for letter in zones}
    attributes = {subnet: {"AvailabilityZone": (subnet_zones or zones)[letter], "VpcId": vpcs[letter]}
                  for letter, subnet in SUBNETS.items()}
    return cloudformation.Template(file, values, {
        "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": PARTITION, "AWS::URLSuffix": SUFFIX},
        attributes)


def alarms_of(file, given, zones=ZONES):
    values = {camel(name): value for name, value in given.items() if name in OF_ALARMS}
    values |= {f"Zone{letter.upper()}": zones[letter] for letter in zones}
    return cloudformation.Template(file, values, {}, {})


def tags_of(listed):
    return {plain(tag["Key"]): plain(tag["Value"]) for tag in listed}


def of_alarms(template):
    picture = {}
    for alarm in template.resources("AWS::CloudWatch::Alarm").values():
        picture[alarm["AlarmName"]] = plain({
            "description": alarm["AlarmDescription"], "namespace": alarm["Namespace"], "metric": alarm["MetricName"],
            "dimensions": {each["Name"]: each["Value"] for each in alarm["Dimensions"]},
            "statistic": alarm["Statistic"], "comparison": alarm["ComparisonOperator"],
            "threshold": alarm["Threshold"], "period": alarm["Period"], "periods": alarm["EvaluationPeriods"],
            "missing": alarm["TreatMissingData"], "tells": [alarm.get("AlarmActions", []), alarm.get("OKActions", [])]})
    return picture


def of_cloudformation(template, alarms=None):
    """alarms: the template of the alarms, where its stack is made too."""
    resources = template.resources

    def kept(*names):
        """Outlive the stack, and do not outlive a create that failed: a retry would stumble over them."""
        return all((template.tree["Resources"][name].get("DeletionPolicy"),
                    template.tree["Resources"][name].get("UpdateReplacePolicy")) == ("RetainExceptOnCreate", "Retain")
                   for name in names)

    picture = {}

    (name, bucket), = resources("AWS::S3::Bucket").items()
    (policy_name, bucket_policy), = resources("AWS::S3::BucketPolicy").items()
    rule, = bucket["LifecycleConfiguration"]["Rules"]
    picture["bucket"] = plain({
        "name": bucket["BucketName"], "kept": kept(name, policy_name), "tags": tags_of(bucket["Tags"]),
        "versioning": bucket["VersioningConfiguration"]["Status"],
        "encryption": bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
                            ["ServerSideEncryptionByDefault"]["SSEAlgorithm"],
        "ownership": bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"],
        "public": sorted(bucket["PublicAccessBlockConfiguration"].values()),
        "lifecycle": {"id": rule["Id"], "status": rule["Status"],
                      "days": rule["NoncurrentVersionExpiration"]["NoncurrentDays"],
                      "uploads": rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]},
        "policy": policy(bucket_policy["PolicyDocument"]), "policy of": bucket_policy["Bucket"]})

    picture["volumes"] = {}
    for name, volume in resources("AWS::EC2::Volume").items():
        tags = tags_of(volume["Tags"])
        picture["volumes"][tags["Name"]] = plain({
            "zone": volume["AvailabilityZone"], "type": volume["VolumeType"], "size": volume["Size"],
            "encrypted": volume["Encrypted"], "key": volume.get("KmsKeyId", "none"), "kept": kept(name), "tags": tags})

    picture["roles"] = {}
    for name, role in resources("AWS::IAM::Role").items():
        picture["roles"][plain(terraform.Ref(name))] = {
            "trust": policy(role["AssumeRolePolicyDocument"]), "tags": tags_of(role["Tags"]),
            "policies": {each["PolicyName"]: policy(each["PolicyDocument"]) for each in role["Policies"]}}
    picture["profiles"] = {plain(terraform.Ref(name)): plain(profile["Roles"])
                           for name, profile in resources("AWS::IAM::InstanceProfile").items()}

    picture["security groups"], picture["rules"] = {}, set()

    def rule_of(direction, group, each):
        peer = each.get("SourceSecurityGroupId", each.get("DestinationSecurityGroupId", each.get("CidrIp")))
        picture["rules"].add((direction, plain(group), plain(peer), each["IpProtocol"], plain(each.get("FromPort", "all")),
                              plain(each.get("ToPort", "all")), each["Description"]))

    for name, group in resources("AWS::EC2::SecurityGroup").items():
        ref = terraform.Ref(name)
        picture["security groups"][plain(ref)] = plain({
            "description": group["GroupDescription"], "vpc": group["VpcId"], "tags": tags_of(group["Tags"])})
        for each in group.get("SecurityGroupIngress", []):
            rule_of("in", ref, each)
        for each in group.get("SecurityGroupEgress", []):
            rule_of("out", ref, each)
    for each in resources("AWS::EC2::SecurityGroupIngress").values():
        rule_of("in", each["GroupId"], each)

    picture["balancers"] = {}
    for name, balancer in resources("AWS::ElasticLoadBalancingV2::LoadBalancer").items():
        of_balancer = tags_of(balancer["LoadBalancerAttributes"])
        picture["balancers"][plain(terraform.Ref(name))] = plain({
            "type": balancer["Type"], "scheme": balancer["Scheme"], "subnets": balancer["Subnets"],
            "security": balancer["SecurityGroups"], "tags": tags_of(balancer["Tags"]),
            "cross zone": of_balancer.pop("load_balancing.cross_zone.enabled"), "more of it": of_balancer})
    picture["targets"] = {}
    for name, targets in resources("AWS::ElasticLoadBalancingV2::TargetGroup").items():
        of_targets = tags_of(targets["TargetGroupAttributes"])
        picture["targets"][plain(terraform.Ref(name))] = plain({
            "vpc": targets["VpcId"], "targets": targets["TargetType"], "protocol": targets["Protocol"],
            "port": targets["Port"], "tags": tags_of(targets["Tags"]),
            "keeps clients' addresses": of_targets.pop("preserve_client_ip.enabled"),
            "deregistration": of_targets.pop("deregistration_delay.timeout_seconds"),
            "ends connections": of_targets.pop("deregistration_delay.connection_termination.enabled"),
            "more": of_targets,
            "health": [targets["HealthCheckProtocol"], targets["HealthCheckPort"], targets.get("HealthCheckPath"),
                       targets.get("Matcher", {}).get("HttpCode"), targets["HealthCheckIntervalSeconds"],
                       targets.get("HealthCheckTimeoutSeconds"), targets["HealthyThresholdCount"],
                       targets["UnhealthyThresholdCount"]]})
    picture["listeners"] = []
    for listener in resources("AWS::ElasticLoadBalancingV2::Listener").values():
        action, = listener["DefaultActions"]
        picture["listeners"].append(plain([listener["LoadBalancerArn"], listener["Protocol"], listener["Port"],
                                           action["Type"], action["TargetGroupArn"]]))
    picture["listeners"].sort()

    picture["templates"] = {}
    for name, resource in resources("AWS::EC2::LaunchTemplate").items():
        data = resource["LaunchTemplateData"]
        options, (disk,), (tagged,) = data["MetadataOptions"], data["BlockDeviceMappings"], data["TagSpecifications"]
        picture["templates"][plain(terraform.Ref(name))] = plain({
            "image": data["ImageId"], "type": data["InstanceType"], "profile": data["IamInstanceProfile"]["Arn"],
            "security": data["SecurityGroupIds"],
            "metadata": {"endpoint": options["HttpEndpoint"], "tokens": options["HttpTokens"],
                         "hops": options["HttpPutResponseHopLimit"], "tags": options["InstanceMetadataTags"]},
            "disk": [disk["DeviceName"], disk["Ebs"]["VolumeType"], disk["Ebs"]["VolumeSize"],
                     disk["Ebs"]["Encrypted"], disk["Ebs"]["DeleteOnTermination"]],
            "tags": {tagged["ResourceType"]: tags_of(tagged["Tags"])}, "user-data": data["UserData"]})

    picture["groups"] = {}
    for group in resources("AWS::AutoScaling::AutoScalingGroup").values():
        picture["groups"][group["AutoScalingGroupName"]] = plain({
            "subnets": group["VPCZoneIdentifier"], "min": group["MinSize"], "desired": group.get("DesiredCapacity", ""),
            "max": group["MaxSize"], "health": group["HealthCheckType"], "grace": group["HealthCheckGracePeriod"],
            "template": [group["LaunchTemplate"]["LaunchTemplateId"], group["LaunchTemplate"]["Version"]],
            "targets": group.get("TargetGroupARNs", []),
            "hooks": {hook["LifecycleHookName"]: [hook["LifecycleTransition"], hook["HeartbeatTimeout"],
                                                  hook["DefaultResult"]]
                      for hook in group["LifecycleHookSpecificationList"]},
            "tags": {tag["Key"]: [tag["Value"], tag["PropagateAtLaunch"]] for tag in group["Tags"]}})

    picture["outputs"] = plain(template.outputs())
    picture["alarms"] = of_alarms(alarms) if alarms else {}
    return picture


# Terraform.

def module_of(folder, given, zones=ZONES, vpcs=VPCS, volumes=None):
    """volumes: what AWS has of those that are there already, as {"aws_ebs_volume.main[a].kms_key_id": value}."""
    known = {
        "data.aws_caller_identity.current.account_id": ACCOUNT, "data.aws_region.current.region": REGION,
        "data.aws_partition.current.partition": PARTITION, "data.aws_partition.current.dns_suffix": SUFFIX,
    } | {f"data.aws_subnet.nodes[{letter}].availability_zone": zone for letter, zone in zones.items()}
    known |= {f"data.aws_subnet.nodes[{letter}].vpc_id": vpc for letter, vpc in vpcs.items()} | (volumes or {})
    return terraform.Module(folder, given | {"subnet_ids": SUBNETS}, known)


def of_terraform(module):
    seen = set()

    def all_of(type_):
        seen.add(type_)
        return module.instances(type_)

    def one(type_):
        (address, body), = all_of(type_).items()
        return address, body

    def block(body, name):
        only, = body[name]
        return only

    def kept(*addresses):
        return all(module.lifecycle(address).get("prevent_destroy") is True for address in addresses)

    picture = {}
    bucket = one("aws_s3_bucket")[1]
    # What CloudFormation has inside of the bucket is kept with it.
    with_it = [one(type_)[0] for type_ in module.types() if type_.startswith("aws_s3_bucket")]
    rule = block(one("aws_s3_bucket_lifecycle_configuration")[1], "rule")
    encryption = block(one("aws_s3_bucket_server_side_encryption_configuration")[1], "rule")
    public = one("aws_s3_bucket_public_access_block")[1]
    bucket_policy = one("aws_s3_bucket_policy")[1]
    parts = [one(f"aws_s3_bucket_{part}")[1]["bucket"] for part in (
        "versioning", "server_side_encryption_configuration", "ownership_controls", "public_access_block",
        "lifecycle_configuration")]
    assert {plain(each) for each in parts} == {"<bucket>"}, parts
    picture["bucket"] = plain({
        "name": bucket["bucket"], "kept": kept(*with_it), "tags": bucket["tags"],
        "versioning": block(one("aws_s3_bucket_versioning")[1], "versioning_configuration")["status"],
        "encryption": block(encryption, "apply_server_side_encryption_by_default")["sse_algorithm"],
        "ownership": block(one("aws_s3_bucket_ownership_controls")[1], "rule")["object_ownership"],
        "public": sorted(value for key, value in public.items() if key != "bucket"),
        "lifecycle": {"id": rule["id"], "status": rule["status"],
                      "days": block(rule, "noncurrent_version_expiration")["noncurrent_days"],
                      "uploads": block(rule, "abort_incomplete_multipart_upload")["days_after_initiation"]},
        "policy": policy(bucket_policy["policy"]), "policy of": bucket_policy["bucket"]})

    picture["volumes"] = {}
    for address, volume in all_of("aws_ebs_volume").items():
        picture["volumes"][volume["tags"]["Name"]] = plain({
            "zone": volume["availability_zone"], "type": volume["type"], "size": volume["size"],
            "encrypted": volume["encrypted"], "key": volume["kms_key_id"] or "none",
            "kept": kept(address), "tags": volume["tags"]})

    picture["roles"] = {}
    for address, role in all_of("aws_iam_role").items():
        picture["roles"][plain(terraform.Ref(address))] = {
            "trust": policy(role["assume_role_policy"]), "tags": plain(role["tags"]), "policies": {}}
    for added in all_of("aws_iam_role_policy").values():
        picture["roles"][plain(added["role"])]["policies"][added["name"]] = policy(added["policy"])
    picture["profiles"] = {plain(terraform.Ref(address)): plain([profile["role"]])
                           for address, profile in all_of("aws_iam_instance_profile").items()}

    picture["security groups"] = {
        plain(terraform.Ref(address)): plain({
            "description": group["description"], "vpc": group["vpc_id"], "tags": group["tags"]})
        for address, group in all_of("aws_security_group").items()}
    picture["rules"] = {
        (direction, plain(each["security_group_id"]),
         plain(each.get("referenced_security_group_id", each.get("cidr_ipv4"))), each["ip_protocol"],
         plain(each.get("from_port", "all")), plain(each.get("to_port", "all")), each["description"])
        for direction, type_ in (("in", "aws_vpc_security_group_ingress_rule"), ("out", "aws_vpc_security_group_egress_rule"))
        for each in all_of(type_).values()}

    known = {"load_balancer_type", "internal", "subnets", "security_groups", "enable_cross_zone_load_balancing", "tags"}
    picture["balancers"] = {}
    for address, balancer in all_of("aws_lb").items():
        picture["balancers"][plain(terraform.Ref(address))] = plain({
            "type": balancer["load_balancer_type"], "scheme": "internal" if balancer["internal"] else "internet-facing",
            "subnets": balancer["subnets"], "security": balancer["security_groups"], "tags": balancer["tags"],
            "cross zone": balancer["enable_cross_zone_load_balancing"],
            "more of it": {key: value for key, value in balancer.items() if key not in known}})
    picture["targets"] = {}
    for address, targets in all_of("aws_lb_target_group").items():
        health = block(targets, "health_check")
        picture["targets"][plain(terraform.Ref(address))] = plain({
            "vpc": targets["vpc_id"], "targets": targets["target_type"], "protocol": targets["protocol"],
            "port": targets["port"], "tags": targets["tags"],
            "keeps clients' addresses": targets["preserve_client_ip"],
            "deregistration": targets["deregistration_delay"],
            "ends connections": targets["connection_termination"], "more": {},
            "health": [health.get(key) for key in ("protocol", "port", "path", "matcher", "interval", "timeout",
                                                   "healthy_threshold", "unhealthy_threshold")]})
    picture["listeners"] = []
    for listener in all_of("aws_lb_listener").values():
        action = block(listener, "default_action")
        picture["listeners"].append(plain([listener["load_balancer_arn"], listener["protocol"], listener["port"],
                                           action["type"], action["target_group_arn"]]))
    picture["listeners"].sort()

    picture["templates"] = {}
    for address, body in all_of("aws_launch_template").items():
        options, disk = block(body, "metadata_options"), block(body, "block_device_mappings")
        ebs, tagged = block(disk, "ebs"), block(body, "tag_specifications")
        picture["templates"][plain(terraform.Ref(address))] = plain({
            "image": body["image_id"], "type": body["instance_type"],
            "profile": block(body, "iam_instance_profile")["arn"], "security": body["vpc_security_group_ids"],
            "metadata": {"endpoint": options["http_endpoint"], "tokens": options["http_tokens"],
                         "hops": options["http_put_response_hop_limit"], "tags": options["instance_metadata_tags"]},
            "disk": [disk["device_name"], ebs["volume_type"], ebs["volume_size"], ebs["encrypted"],
                     ebs["delete_on_termination"]],
            "tags": {tagged["resource_type"]: tagged["tags"]},
            "user-data": base64.b64decode(body["user_data"]).decode()})

    picture["groups"] = {}
    for group in all_of("aws_autoscaling_group").values():
        from_template = block(group, "launch_template")
        picture["groups"][group["name"]] = plain({
            "subnets": group["vpc_zone_identifier"], "min": group["min_size"], "desired": group.get("desired_capacity", ""),
            "max": group["max_size"], "health": group["health_check_type"], "grace": group["health_check_grace_period"],
            "template": [from_template["id"], from_template["version"]], "targets": group.get("target_group_arns", []),
            "hooks": {hook["name"]: [hook["lifecycle_transition"], hook["heartbeat_timeout"], hook["default_result"]]
                      for hook in group["initial_lifecycle_hook"]},
            "tags": {tag["key"]: [tag["value"], tag["propagate_at_launch"]] for tag in group["tag"]}})

    picture["alarms"] = {}
    for alarm in all_of("aws_cloudwatch_metric_alarm").values():
        picture["alarms"][alarm["alarm_name"]] = plain({
            "description": alarm["alarm_description"], "namespace": alarm["namespace"], "metric": alarm["metric_name"],
            "dimensions": alarm["dimensions"], "statistic": alarm["statistic"],
            "comparison": alarm["comparison_operator"], "threshold": alarm["threshold"], "period": alarm["period"],
            "periods": alarm["evaluation_periods"], "missing": alarm["treat_missing_data"],
            "tells": [alarm["alarm_actions"], alarm["ok_actions"]]})

    picture["outputs"] = plain({camel(name): module.evaluate(output["value"], terraform.Scope(module))
                                for name, output in module.outputs.items()})
    of_no_type = set(module.types()) - seen
    if of_no_type:
        raise terraform.Problem(f"the picture says nothing of {sorted(of_no_type)}")
    return picture


def differences(one, other, path=""):
    """Lines that say where two pictures differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(set(one) | set(other), key=str):
            if key not in one or key not in other:
                yield f"{path}/{key}: only {'Terraform' if key in other else 'CloudFormation'} has it"
            else:
                yield from differences(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, set) and isinstance(other, set):
        for each in sorted(one - other, key=str):
            yield f"{path}: only CloudFormation has {each}"
        for each in sorted(other - one, key=str):
            yield f"{path}: only Terraform has {each}"
    elif one != other:
        yield f"{path}: CloudFormation has {json.dumps(one)}, Terraform {json.dumps(other)}"
