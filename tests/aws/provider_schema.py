#!/usr/bin/env python3
"""Writes provider.json: what the AWS provider of Terraform takes, of the types that our templates use.

The provider itself takes half an hour to build. The CDK for Terraform publishes its schema as generated code, with
every argument by Terraform's own name:

    npm pack @cdktf/provider-aws@21.22.1
    tests/aws/provider_schema.py cdktf-provider-aws-21.22.1.tgz > tests/aws/provider.json
"""
import json
import pathlib
import re
import sys
import tarfile

import pictures
import terraform

HERE = pathlib.Path(__file__).parent


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])|(?<=[a-z])(\d+)(?=$)", lambda match: "_" + match.group(0), name).lower()


def body_of(code, head):
    """The braces behind a head, with what is in them."""
    start = code.index(head) + len(head)
    start = code.index("{", start)
    depth, at = 0, start
    while True:
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        at += 1
        if not depth:
            return code[start + 1:at - 1]


def arguments(code, struct_body):
    """name: (is it a block, what maps its value)."""
    attrs = body_of(struct_body, "const attrs = ")
    found = {}
    for match in re.finditer(r"^\s+(\w+): \{\s*value: (.*?),\s*isBlock: (true|false)", attrs, re.M | re.S):
        found[match.group(1)] = (match.group(3) == "true", match.group(2))
    return found


def required(types, interface):
    match = re.search(rf"export interface {interface} [^{{]*{{(.*?)\n}}", types, re.S)
    names = {}
    for argument, optional in re.findall(r"readonly (\w+)(\??):", match.group(1)):
        names[argument.lower()] = not optional
    return names


def schema(code, types, struct_body, interface):
    must = required(types, interface)
    result = {"arguments": [], "blocks": {}, "required": []}
    for name, (is_block, value) in arguments(code, struct_body).items():
        if must.get(name.replace("_", "")):
            result["required"].append(name)
        mapper = re.search(r"(\w+)ToHclTerraform", value.replace("cdktf.", ""))
        nested = mapper and mapper.group(1)
        function = f"function {nested}ToHclTerraform(struct) "
        if is_block and function in code:
            result["blocks"][name] = schema(code, types, body_of(code, function), nested[0].upper() + nested[1:])
        else:
            result["arguments"].append(name)
    return result


def folder_of(kind, type_):
    name = type_ if kind == "data" else type_.removeprefix("aws_")
    return ("data-" if kind == "data" else "") + name.replace("_", "-")


def main(archive):
    module = pictures.module_of(HERE.parent.parent / "packaging/aws/terraform", pictures.GIVEN)
    wanted = sorted({(kind, type_) for kind, blocks in module.blocks.items() for type_, _ in blocks})
    files = {}
    folders = {folder_of(*each) for each in wanted}
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = member.name.split("/")
            if len(parts) == 4 and parts[2] in folders and parts[3] in ("index.js", "index.d.ts"):
                files[(parts[2], parts[3])] = tar.extractfile(member).read().decode()
    out = {}
    for kind, type_ in wanted:
        code, types = (files[(folder_of(kind, type_), file)] for file in ("index.js", "index.d.ts"))
        out["version"] = re.search(r"providerVersion: '([^']+)'", code).group(1)
        found = schema(code, types, body_of(code, "synthesizeHclAttributes() "),
                       re.search(r"export interface (\w+Config) extends", types).group(1))
        whole = types[types.rindex("export declare class"):]
        found["attributes"] = sorted({snake(name) for name in re.findall(r"get (\w+)\(\)", whole)
                                      if not name.endswith("Input")})
        out.setdefault(kind, {})[type_] = found
    # A type a line, so that a newer provider reads as what it changed.
    lines = [f'"version": {json.dumps(out.pop("version"))}']
    for kind, types_ in out.items():
        rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in types_.items())
        lines.append(f"{json.dumps(kind)}: {{\n{rows}\n}}")
    print("{\n" + ",\n".join(lines) + "\n}")


if __name__ == "__main__":
    main(sys.argv[1])
