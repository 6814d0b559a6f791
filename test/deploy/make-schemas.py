#!/usr/bin/env python3
"""Writes the schemas that kubeconform uses offline, for the kinds that the chart renders.

Needs Go (its module proxy is where the specifications come from) and PyYAML. Usage: make-schemas.py
Each file stands alone. Unknown fields are refused, so that a misspelt field in a template fails the test."""
import json
import pathlib
import subprocess
import tempfile

import yaml

KUBERNETES = "k8s.io/kubernetes@v1.37.2"
GATEWAY = "sigs.k8s.io/gateway-api@v1.6.3"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.92.0"
KINDS = {
    "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy",
    "Pod", "PodDisruptionBudget", "Secret", "Service", "ServiceAccount",
}
CRDS = {
    GATEWAY: ["config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
              "config/crd/standard/gateway.networking.k8s.io_grpcroutes.yaml"],
    OPERATOR: ["example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
               "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"],
}
# What examples/edge holds: each is one file of a module, in the version that the kind has there.
EDGE = [
    (GATEWAY, "config/crd/experimental/gateway.networking.k8s.io_httproutes.yaml", "HTTPRoute", "v1"),
    ("github.com/envoyproxy/gateway@v1.6.0", "charts/gateway-helm/crds/generated/gateway.envoyproxy.io_securitypolicies.yaml",
     "SecurityPolicy", "v1alpha1"),
    ("istio.io/api@v1.32.0", "kubernetes/customresourcedefinitions.gen.yaml", "AuthorizationPolicy", "v1"),
]
OUT = pathlib.Path(__file__).parent / "schemas"
REF = "#/definitions/"


def module(name):
    with tempfile.TemporaryDirectory() as scratch:
        pathlib.Path(scratch, "go.mod").write_text("module scratch\n")
        done = subprocess.run(["go", "mod", "download", "-json", name], cwd=scratch, capture_output=True, text=True)
    return pathlib.Path(json.loads(done.stdout)["Dir"])


def strict(node, within_properties=False):
    """Closes every object, drops prose, and turns OpenAPI's own words into JSON schema."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    if not within_properties:
        if "x-kubernetes-int-or-string" in node or node.get("format") == "int-or-string":
            return {"oneOf": [{"type": "string"}, {"type": "integer"}]}
        if "$ref" in node:
            return {"$ref": node["$ref"]}
    out = {}
    for key, value in node.items():
        if not within_properties and (key in ("description", "example", "externalDocs") or key.startswith("x-kubernetes")):
            continue
        out[key] = strict(value, within_properties=key in ("properties", "definitions") and not within_properties)
    open_ended = "x-kubernetes-preserve-unknown-fields" in node
    if not within_properties and "properties" in out and "additionalProperties" not in out and not open_ended:
        out["additionalProperties"] = False
    return out


def refs(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value.removeprefix(REF)
            else:
                yield from refs(value)
    elif isinstance(node, list):
        for item in node:
            yield from refs(item)


def write(kind, group, version, schema, folder=OUT):
    name = "-".join(part for part in (kind.lower(), group.split(".")[0], version) if part)
    (folder / f"{name}.json").write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n")


def builtin():
    spec = json.loads((module(KUBERNETES) / "api/openapi-spec/swagger.json").read_text())["definitions"]
    flat = {name: strict(node) for name, node in spec.items()}
    flat["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"oneOf": [{"type": "string"}, {"type": "number"}]}
    for name, node in spec.items():
        for gvk in node.get("x-kubernetes-group-version-kind", []):
            kind, version = gvk["kind"], gvk["version"]
            if kind not in KINDS or not name.endswith("." + kind) or version not in ("v1", "v2"):
                continue
            if kind == "HorizontalPodAutoscaler" and version != "v2":
                continue
            seen, todo = {}, [name]
            while todo:
                current = todo.pop()
                if current not in seen:
                    seen[current] = flat[current]
                    todo.extend(refs(flat[current]))
            write(kind, gvk["group"], version, {"$ref": REF + name, "definitions": seen})


def custom():
    for name, paths in CRDS.items():
        root = module(name)
        for path in paths:
            crd = yaml.safe_load((root / path).read_text())["spec"]
            for version in crd["versions"]:
                if version["name"] == "v1":
                    schema = strict(version["schema"]["openAPIV3Schema"])
                    schema["properties"]["metadata"] = {"type": "object"}
                    write(crd["names"]["kind"], crd["group"], "v1", schema)


def edge():
    for name, path, kind, version in EDGE:
        for crd in yaml.safe_load_all((module(name) / path).read_text()):
            if crd is None or crd["spec"]["names"]["kind"] != kind:
                continue
            [found] = [each for each in crd["spec"]["versions"] if each["name"] == version]
            schema = strict(found["schema"]["openAPIV3Schema"])
            for known in ("apiVersion", "kind", "metadata"):
                schema["properties"][known] = {"type": "object" if known == "metadata" else "string"}
            write(kind, crd["spec"]["group"], version, schema, OUT / "edge")


(OUT / "edge").mkdir(parents=True, exist_ok=True)
for old in OUT.rglob("*.json"):
    old.unlink()
builtin()
custom()
edge()
print(*(f"{path.stat().st_size:8} {path.name}" for path in sorted(OUT.rglob("*.json"))), sep="\n")
