"""A CloudFormation template, evaluated with given parameters. References to resources are Refs as Terraform's are."""
import functools
import json
import re

import yaml

from terraform import Problem, Ref, watched


class Loader(yaml.SafeLoader):
    pass


def short_form(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else "Fn::" + suffix
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", short_form)

NO_VALUE = object()


@functools.cache
def tree_of(file):
    with open(file) as source:
        return yaml.load(source, Loader)


class Template:
    def __init__(self, file, values, known, attributes):
        """values: of parameters. known: of pseudo parameters. attributes: what rules may ask of the values of parameters
        that name something of AWS, as {value: {attribute: its value}}."""
        self.tree = tree_of(file)
        self.known, self.attributes = known, attributes
        self.parameters = self.tree["Parameters"]
        unknown = set(values) - set(self.parameters)
        if unknown:
            raise Problem(f"there are no parameters {sorted(unknown)}")
        self.shown, self.unseen_types = [], set(self.types())
        self.values = {}
        for name, parameter in self.parameters.items():
            if name not in values and "Default" not in parameter:
                raise Problem(f"the parameter {name} has no default and no value")
            value = values.get(name, parameter.get("Default"))
            if parameter["Type"] == "CommaDelimitedList":
                value = str(value).split(",")
            self.values[name] = value

    def reference(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.known:
            return self.known[name]
        if name in self.values:
            return self.values[name]
        if name in self.tree["Resources"]:
            return self.attribute(name, "")
        raise Problem(f"there is nothing of the name {name}")

    def attribute(self, name, attribute):
        if name not in self.tree["Resources"]:
            raise Problem(f"there is no resource {name}")
        if not self.is_made(self.tree["Resources"][name]):
            raise Problem(f"the condition of {name} does not hold, and something refers to it")
        return Ref(name, attribute)

    def is_made(self, resource):
        return "Condition" not in resource or self.condition(resource["Condition"])

    def substitute(self, text, more):
        def one(match):
            name = match.group(1)
            if name in more:
                return str(self.evaluate(more[name]))
            value = self.attribute(*name.split(".", 1)) if "." in name else self.reference(name)
            return str(value)
        return re.sub(r"\$\{([^}!]+)\}", one, text)

    def condition(self, name):
        return self.evaluate(self.tree["Conditions"][name])

    def evaluate(self, value):
        if isinstance(value, list):
            return [each for each in map(self.evaluate, value) if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), = value.items()
            if name == "Ref":
                return self.reference(argument)
            if name == "Fn::GetAtt":
                return self.attribute(*argument)
            if name == "Fn::Sub":
                text, more = argument if isinstance(argument, list) else (argument, {})
                return self.substitute(text, more)
            if name == "Fn::Join":
                return argument[0].join(str(each) for each in self.evaluate(argument[1]))
            if name == "Fn::Split":
                return self.evaluate(argument[1]).split(argument[0])
            if name == "Fn::Base64":
                return self.evaluate(argument)
            if name == "Fn::If":
                return self.evaluate(argument[1 if self.condition(argument[0]) else 2])
            if name == "Fn::Equals":
                return self.evaluate(argument[0]) == self.evaluate(argument[1])
            if name == "Fn::Not":
                return not self.evaluate(argument[0])
            if name == "Fn::ValueOf":
                return self.of_parameter(*argument)
            if name == "Fn::ValueOfAll":
                type_, attribute = argument
                return [self.of_parameter(each, attribute) for each, parameter in self.parameters.items()
                        if parameter["Type"] == type_]
            if name == "Fn::EachMemberEquals":
                members, wanted = map(self.evaluate, argument)
                if not isinstance(members, list):
                    raise Problem(f"{name} is of a list, and {argument[0]} is none")
                return all(each == wanted for each in members)
            if name.startswith("Fn::"):
                raise Problem(f"{name} is not known here")
        evaluated = {key: self.evaluate(each) for key, each in value.items()}
        return {key: each for key, each in evaluated.items() if each is not NO_VALUE}

    def of_parameter(self, name, attribute):
        value = self.values[name]
        if isinstance(value, list):
            raise Problem(f"the parameter {name} is a list, and so is its Fn::ValueOf")
        return self.attributes[value][attribute]

    def refusals(self):
        """What CloudFormation would say to these values before it makes anything."""
        for name, parameter in self.parameters.items():
            value = self.values[name]
            if not all(re.fullmatch(parameter.get("AllowedPattern", ".*"), str(each))
                       for each in (value if isinstance(value, list) else [value])):
                yield f"{name}: {value!r} is not {parameter['AllowedPattern']}"
            if len(str(value)) > parameter.get("MaxLength", len(str(value))):
                yield f"{name}: {value!r} is longer than {parameter['MaxLength']}"
            if value not in parameter.get("AllowedValues", [value]):
                yield f"{name}: {value!r} is none of {parameter['AllowedValues']}"
            if parameter["Type"] == "Number" and not (
                    parameter.get("MinValue", value) <= value <= parameter.get("MaxValue", value)):
                yield f"{name}: {value} is not from {parameter.get('MinValue')} to {parameter.get('MaxValue')}"
        for rule in self.tree.get("Rules", {}).values():
            unknown = set(rule) - {"Assertions"}
            if unknown:
                raise Problem(f"a rule's {sorted(unknown)} is not known here")
            for each in rule["Assertions"]:
                if not self.evaluate(each["Assert"]):
                    yield each["AssertDescription"]

    def resources(self, type_):
        """Every resource of this type that its condition lets be: name to its evaluated properties."""
        found = watched({name: self.evaluate(resource.get("Properties", {}))
                         for name, resource in self.tree["Resources"].items()
                         if resource["Type"] == type_ and self.is_made(resource)})
        self.shown.append(found)
        self.unseen_types.discard(type_)
        return found

    def never_seen(self):
        return sorted(self.unseen_types) + sorted({line for each in self.shown for line in each.never_seen("")})

    def types(self):
        return sorted({resource["Type"] for resource in self.tree["Resources"].values()})

    def outputs(self):
        return {name: self.evaluate(output["Value"]) for name, output in self.tree["Outputs"].items()}


def document(value):
    """A policy document, whatever it came as."""
    return json.loads(value) if isinstance(value, str) else value
