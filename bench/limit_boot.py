#!/usr/bin/python3
"""A master's boot by a script that does only what must be done, in haagent's place in a simulated
instance: attach the two volumes, make or mount their filesystems, start etcd with a configuration,
certificates and names that are ready (below /limit/MEMBER), and wait until both members are healthy.
It checks nothing, keeps nothing, and trusts that nobody else is at work. bench/limit measures it."""
import concurrent.futures, glob, hashlib, hmac, http.client, json, os, re, subprocess, sys, time
import urllib.parse

BEGAN = time.time()
API, REGION, METADATA = "169.254.169.254:8080", "eu-west-1", "169.254.169.254"
CLUSTERS = {"main": 2381, "events": 2391}
RECORD = "/var/lib/limit.json"
POLL = 0.002


def metadata(path, method="GET", headers={}):
    connection = http.client.HTTPConnection(METADATA)
    connection.request(method, "/latest/" + path, headers=headers)
    return connection.getresponse().read().decode()


def ec2(credentials, **parameters):
    """One call, signed with version 4."""
    body = urllib.parse.urlencode(sorted({**parameters, "Version": "2016-11-15"}.items()))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"content-type": "application/x-www-form-urlencoded", "host": API, "x-amz-date": stamp,
               "x-amz-security-token": credentials["Token"]}
    names = ";".join(sorted(headers))
    canonical = "\n".join(["POST", "/", "", *(f"{k}:{headers[k]}" for k in sorted(headers)), "", names,
                           hashlib.sha256(body.encode()).hexdigest()])
    scope = f"{stamp[:8]}/{REGION}/ec2/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + credentials["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={credentials['AccessKeyId']}/{scope}, "
                                f"SignedHeaders={names}, Signature={signature}")
    connection = http.client.HTTPConnection(API)
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def until(what):
    while not (found := what()):
        time.sleep(POLL)
    return found


def disk_of(volume):
    serial = volume.replace("-", "")
    for path in glob.glob("/sys/block/nvme*/device/serial"):
        if open(path).read().strip() == serial:
            return "/dev/" + path.split("/")[3]


def attach(cluster):
    """The zone's volume of that cluster, here."""
    token = metadata("api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "600"})
    ask = lambda path: metadata("meta-data/" + path, headers={"X-aws-ec2-metadata-token": token})
    role = ask("iam/security-credentials/")
    credentials = json.loads(ask("iam/security-credentials/" + role))
    instance, zone = ask("instance-id"), ask("placement/availability-zone")
    _, volumes = ec2(credentials, Action="DescribeVolumes", **{
        "Filter.1.Name": "tag-key", "Filter.1.Value.1": "k8s.io/etcd/" + cluster,
        "Filter.2.Name": "availability-zone", "Filter.2.Value.1": zone})
    volume = re.search(r"<volumeId>(vol-[0-9a-f]+)", volumes).group(1)
    until(lambda: ec2(credentials, Action="AttachVolume", VolumeId=volume, InstanceId=instance,
                      Device={"main": "/dev/sdf", "events": "/dev/sdg"}[cluster])[0] == 200)
    return volume


def start(cluster, volume, ready):
    volume = volume or attach(cluster)
    disk = until(lambda: disk_of(volume))
    until(lambda: os.path.exists(disk))
    config = f"{ready}/etc/haagent/etcd/{cluster}.yaml"
    data = re.search(r"^data-dir: (\S+)", open(config).read(), re.M).group(1).strip('"')
    point = os.path.dirname(data)
    os.makedirs(point, exist_ok=True)
    if subprocess.run(["mount", "-o", "noatime", disk, point], stderr=subprocess.DEVNULL).returncode:
        subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-m", "0", "-i", "262144", "-E",
                        "nodiscard,lazy_itable_init=0,lazy_journal_init=0", disk], check=True)
        subprocess.run(["mount", "-o", "noatime", disk, point], check=True)
    os.makedirs(data, 0o700, exist_ok=True)
    etcd = subprocess.Popen(["etcd", "--config-file=" + config], stderr=open(f"/run/{cluster}.log", "w"))

    def healthy():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", CLUSTERS[cluster])
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    until(healthy)
    return volume, etcd


zone = metadata("meta-data/placement/availability-zone", headers={"X-aws-ec2-metadata-token": metadata(
    "api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "600"})})
ready = "/limit/" + zone[-1]
if not os.path.exists(RECORD):
    for folder in ("/etc/kubernetes/pki", "/etc/haagent"):
        os.makedirs(folder, exist_ok=True)
    os.symlink(ready + "/etc/kubernetes/pki/etcd", "/etc/kubernetes/pki/etcd")
    os.symlink(ready + "/etc/haagent/etcd", "/etc/haagent/etcd")
    volumes = {}
else:
    volumes = json.load(open(RECORD))
open("/etc/hosts", "w").write(open(ready + "/etc/hosts").read())
with concurrent.futures.ThreadPoolExecutor() as pool:
    members = dict(zip(CLUSTERS, pool.map(lambda c: start(c, volumes.get(c), ready), CLUSTERS)))
took = time.time() - BEGAN
json.dump({c: volume for c, (volume, _) in members.items()}, open(RECORD, "w"))
json.dump({"milliseconds": round(took * 1000), "pid": os.getpid()}, open("/run/limit.new", "w"))
os.rename("/run/limit.new", "/run/limit.json")
for _, etcd in members.values():
    etcd.wait()
