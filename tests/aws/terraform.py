"""Terraform's configuration, evaluated as far as ours goes: variables, locals, for_each, count and a few functions.

A reference to a resource or data source is a Ref, which keeps its address and attribute; in a text it is
"<address.attribute>". What is not known here is an error, so that nothing is passed over.
"""
import base64
import functools
import json
import pathlib
import re

import hcl2


# Behind a backslash, in a text.
ESCAPES = {'"': '"', "\\": "\\", "n": "\n"}


class Ref:
    def __init__(self, address, attribute=""):
        self.address, self.attribute = address, attribute

    def __repr__(self):
        return f"<{self.address}{'.' + self.attribute if self.attribute else ''}>"

    def __eq__(self, other):
        return repr(self) == repr(other)

    def __hash__(self):
        return hash(repr(self))


class Problem(Exception):
    pass


class Body(dict):
    """A resource's settings, which knows what of them has been looked at."""

    def __init__(self, values):
        super().__init__({key: watched(value) for key, value in values.items()})
        self.unseen = set(values)

    def __getitem__(self, key):
        self.unseen.discard(key)
        return super().__getitem__(key)

    def get(self, key, default=None):
        return self[key] if key in self else default

    def items(self):
        self.unseen.clear()
        return super().items()

    def values(self):
        self.unseen.clear()
        return super().values()

    def never_seen(self, path):
        for key in self:
            if key in self.unseen:
                yield f"{path}.{key}"
        for key, value in super().items():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Body) and key not in self.unseen:
                    yield from each.never_seen(f"{path}.{key}")


def watched(value):
    if isinstance(value, dict):
        return Body(value)
    return [watched(each) for each in value] if isinstance(value, list) else value


TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)|(?P<op>==|!=|<=|>=|&&|\|\||[-?:(){}\[\],.=!<>]))"""
)


class Expression:
    """One expression, from its source."""

    def __init__(self, text, scope):
        self.text, self.scope, self.at = text, scope, 0

    def whole(self):
        value = self.ternary()
        if self.text[self.at:].strip():
            raise Problem(f"cannot read {self.text!r} from {self.text[self.at:]!r}")
        return value

    def peek(self):
        match = TOKEN.match(self.text, self.at)
        return (match.lastgroup, match.group(match.lastgroup)) if match else (None, None)

    def take(self, wanted=None):
        match = TOKEN.match(self.text, self.at)
        if not match or (wanted and match.group(match.lastgroup) != wanted):
            raise Problem(f"{self.text!r}: {wanted or 'more'} is expected at {self.text[self.at:]!r}")
        self.at = match.end()
        return match.group(match.lastgroup)

    def taken(self, wanted):
        if self.peek()[1] == wanted and not self.at_string():
            self.take()
            return True
        return False

    def at_string(self):
        return self.text[self.at:].lstrip().startswith('"')

    def ternary(self):
        condition = self.either()
        if not self.taken("?"):
            return condition
        yes = self.ternary()
        self.take(":")
        no = self.ternary()
        return yes if condition else no

    def either(self):
        value = self.both()
        while self.taken("||"):
            value = bool(self.both()) or bool(value)
        return value

    def both(self):
        value = self.comparison()
        while self.taken("&&"):
            value = bool(self.comparison()) and bool(value)
        return value

    def comparison(self):
        left = self.value()
        for name, compare in {
            "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<=": lambda a, b: a <= b,
            ">=": lambda a, b: a >= b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
        }.items():
            if self.taken(name):
                return compare(left, self.value())
        return left

    def value(self):
        if self.at_string():
            return self.string()
        if self.taken("!"):
            return not self.value()
        if self.taken("["):
            return self.sequence("]")
        if self.taken("{"):
            return self.map()
        kind, text = self.peek()
        if kind == "number":
            return int(self.take())
        if kind != "name":
            raise Problem(f"{self.text!r}: a value is expected at {self.text[self.at:]!r}")
        name = self.take()
        if name in ("true", "false"):
            return name == "true"
        if name == "null":
            return None
        if self.taken("("):
            return self.call(name, self.sequence(")"))
        return self.path(name)

    def sequence(self, end):
        values = []
        while not self.taken(end):
            values.append(self.ternary())
            self.taken(",")
        return values

    def map(self):
        values = {}
        while not self.taken("}"):
            key = self.string() if self.at_string() else self.take()
            if not self.taken("="):
                self.take(":")
            values[key] = self.ternary()
            self.taken(",")
        return values

    def string(self):
        self.at += len(self.text[self.at:]) - len(self.text[self.at:].lstrip())
        end = self.at + 1
        depth = 0
        while end < len(self.text) and (self.text[end] != '"' or depth):
            if self.text.startswith("${", end):
                depth += 1
            elif self.text[end] == "}" and depth:
                depth -= 1
            elif self.text[end] == "\\":
                end += 1
            end += 1
        inside = self.text[self.at + 1:end]
        self.at = end + 1
        return template(re.sub(r"\\(.)", lambda match: ESCAPES[match.group(1)], inside), self.scope)

    def path(self, first):
        steps = [first]
        while True:
            if self.taken("."):
                steps.append(self.take())
            elif self.taken("["):
                steps.append(self.ternary())
                self.take("]")
            else:
                return self.scope.find(steps)

    def call(self, name, arguments):
        functions = {
            "length": len,
            "toset": lambda values: sorted(set(values)),
            "distinct": lambda values: list(dict.fromkeys(values)),
            # What does not match is an error to Terraform, of which can() makes a no. A "$" is the very end to it.
            "regex": lambda pattern, text: (re.search(re.sub(r"\$$", r"\\Z", pattern), text) or [None])[0],
            "can": lambda value: value is not None,
            "merge": lambda *maps: {key: value for each in maps for key, value in each.items()},
            "concat": lambda *lists: [each for one in lists for each in one],
            "join": lambda between, values: between.join(map(str, values)),
            "jsonencode": lambda value: json.dumps(value, default=str),
            "replace": lambda text, old, new: text.replace(old, new),
            "base64encode": lambda text: base64.b64encode(text.encode()).decode(),
            "contains": lambda values, value: value in values,
            "templatefile": lambda file, variables: template(
                pathlib.Path(file).read_text(), Variables(variables, file)),
        }
        if name not in functions:
            raise Problem(f"the function {name}() is not known here")
        return functions[name](*arguments)


def template(text, scope):
    """A text with ${...} in it. One that is nothing else keeps its value's type."""
    pieces, at = [], 0
    while True:
        start = text.find("${", at)
        if start < 0:
            pieces.append(text[at:])
            break
        if start and text[start - 1] == "$":
            raise Problem(f"an escaped ${{ is not known here: {text!r}")
        pieces.append(text[at:start])
        end, depth = start + 2, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        pieces.append(Expression(text[start + 2:end - 1], scope).whole())
        at = end
    pieces = [each for each in pieces if each != ""]
    if len(pieces) == 1 and not isinstance(pieces[0], str):
        return str(pieces[0]) if isinstance(pieces[0], Ref) else pieces[0]
    if any(each is None or isinstance(each, (list, dict)) for each in pieces):
        raise Problem(f"{text!r} puts what is no text into a text")
    return "".join(str(each).lower() if isinstance(each, bool) else str(each) for each in pieces)


class Variables:
    """What a template file sees: each of its variables, and all of them used."""

    def __init__(self, values, file):
        self.values = values
        text = pathlib.Path(file).read_text()
        unused = [name for name in values if "${" + name + "}" not in text]
        if unused:
            raise Problem(f"{file} does not use {unused}")

    def find(self, steps):
        if len(steps) != 1 or steps[0] not in self.values:
            raise Problem(f"the template has no variable {steps}")
        return self.values[steps[0]]


class Scope:
    def __init__(self, module, each=None, itself=None):
        """each: of a for_each, its key and its value. itself: in a condition, the address of the instance that it is of, and its evaluated body."""
        self.module, self.each, self.itself = module, each, itself

    def find(self, steps):
        module = self.module
        root = steps[0]
        if root == "var":
            return walk(module.variable(steps[1]), steps[2:])
        if root == "local":
            return walk(module.local(steps[1]), steps[2:])
        if root == "each":
            return walk(dict(zip(("key", "value"), self.each)), steps[1:])
        if root == "self":
            address, body = self.itself
            known = module.known.get(f"{address}.{steps[1]}")
            return walk(body, steps[1:]) if known is None else known
        if root == "path":
            return str(module.folder)
        data = root == "data"
        kind, name, rest = (steps[1], steps[2], steps[3:]) if data else (root, steps[1], steps[2:])
        module.must_have("data" if data else "resource", kind, name)
        address = ("data." if data else "") + f"{kind}.{name}"
        if rest and rest[0] in module.keys_of("data" if data else "resource", kind, name):
            address += f"[{rest[0]}]"
            rest = rest[1:]
        count = module.count_of("data" if data else "resource", kind, name)
        if count is not None:
            if not rest or not isinstance(rest[0], int):
                raise Problem(f"{address} has a count, and {steps} does not say which one")
            if rest[0] >= count:
                # Terraform evaluates both sides of a condition too. Where this one is taken, no picture has a name for it.
                address = f"no {address}"
            rest = rest[1:]
        if len(rest) > 1:
            raise Problem(f"{steps} goes too deep")
        attribute = rest[0] if rest else ""
        module.references.add(("data" if data else "resource", kind, attribute))
        known = module.known.get(f"{address}.{attribute}")
        return Ref(address, attribute) if known is None else known


def walk(value, steps):
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            raise Problem(f"there is no {step} in {value!r}")
        value = value[step]
    return value


def unquoted(text):
    return text[1:-1] if text.startswith('"') else text


@functools.cache
def tree_of(file):
    """Parsed once: the parser is slow, and nobody changes a tree."""
    with file.open() as source:
        return hcl2.load(source)


class Module:
    def __init__(self, folder, values, known):
        """values: of variables. known: of data sources, "data.aws_region.current.region" to its value."""
        self.folder, self.values, self.known = pathlib.Path(folder), values, known
        self.variables, self.locals, self.outputs, self.settings = {}, {}, {}, []
        self.blocks = {"resource": {}, "data": {}}
        self.references = set()
        self.shown = {}
        for file in sorted(self.folder.glob("*.tf")):
            self.read(file.name, tree_of(file))
        unknown = set(values) - set(self.variables)
        if unknown:
            raise Problem(f"there are no variables {sorted(unknown)}")

    def read(self, file, tree):
        for kind, blocks in tree.items():
            if kind.startswith("__"):
                continue
            for block in blocks:
                if kind in self.blocks:
                    for type_, named in block.items():
                        for name, body in named.items():
                            self.blocks[kind][(unquoted(type_), unquoted(name))] = body
                elif kind in ("variable", "output"):
                    for name, body in block.items():
                        getattr(self, kind + "s")[unquoted(name)] = body
                elif kind == "locals":
                    self.locals.update({k: v for k, v in block.items() if not k.startswith("__")})
                elif kind == "terraform":
                    self.settings.append(block)
                else:
                    raise Problem(f"{file}: a block '{kind}' is not known here")

    def must_have(self, kind, type_, name):
        if (type_, name) not in self.blocks[kind]:
            raise Problem(f"there is no {kind} {type_}.{name}")

    def variable(self, name):
        if name in self.values:
            return self.values[name]
        if name not in self.variables:
            raise Problem(f"there is no variable {name}")
        if "default" not in self.variables[name]:
            raise Problem(f"the variable {name} has no default and no value")
        return self.evaluate(self.variables[name]["default"], Scope(self))

    def local(self, name):
        if name not in self.locals:
            raise Problem(f"there is no local {name}")
        return self.evaluate(self.locals[name], Scope(self))

    def keys_of(self, kind, type_, name):
        body = self.blocks[kind][(type_, name)]
        """Each with its value: of a set, itself."""
        if "for_each" in body:
            found = self.evaluate(body["for_each"], Scope(self))
            return found if isinstance(found, dict) else {key: key for key in found}
        return {}

    def count_of(self, kind, type_, name):
        body = self.blocks[kind][(type_, name)]
        return self.evaluate(body["count"], Scope(self)) if "count" in body else None

    def evaluate(self, value, scope):
        if isinstance(value, str):
            if value.startswith("${") and value.endswith("}"):
                return Expression(value[2:-1], scope).whole()
            return Expression(value, scope).whole() if value.startswith('"') else value
        if isinstance(value, list):
            return [self.evaluate(each, scope) for each in value]
        if isinstance(value, dict):
            return {unquoted_key(k, scope): self.evaluate(v, scope)
                    for k, v in value.items() if not k.startswith("__")}
        return value

    def instances(self, type_):
        """Every resource of this type: address to its evaluated body, without its `lifecycle`, which stands apart."""
        if type_ in self.shown:
            return self.shown[type_]
        found = self.shown[type_] = Body({})
        for (kind, name), body in self.blocks["resource"].items():
            if kind != type_:
                continue
            plain = settings_of(body)
            address = f"{kind}.{name}"
            if "for_each" in body:
                for each in self.keys_of("resource", kind, name).items():
                    found[f"{address}[{each[0]}]"] = watched(self.evaluate(plain, Scope(self, each)))
            elif self.evaluate(body.get("count", 1), Scope(self)):
                found[address] = watched(self.evaluate(plain, Scope(self)))
        return found

    def refusals(self):
        """What Terraform would say to these values, and to what is known of AWS, before it makes anything."""
        for variable in self.variables.values():
            for rule in variable.get("validation", []):
                yield from self.refusal(rule, Scope(self))
        for kind, blocks in self.blocks.items():
            for (type_, name), body in blocks.items():
                lifecycle = (body.get("lifecycle") or [{}])[0]
                rules = lifecycle.get("precondition", []) + lifecycle.get("postcondition", [])
                if rules and "count" in body:
                    raise Problem(f"conditions of {type_}.{name}, which has a count, are not known here")
                for each in self.keys_of(kind, type_, name).items() if "for_each" in body else [None]:
                    address = ("data." if kind == "data" else "") + f"{type_}.{name}" + (f"[{each[0]}]" if each else "")
                    plain = {} if kind == "data" else self.evaluate(settings_of(body), Scope(self, each))
                    for rule in rules:
                        yield from self.refusal(rule, Scope(self, each, (address, plain)))

    def refusal(self, rule, scope):
        if not self.evaluate(rule["condition"], scope):
            yield self.evaluate(rule["error_message"], scope)

    def never_seen(self):
        return sorted({line for each in self.shown.values() for line in each.never_seen("")})

    def lifecycle(self, address):
        kind, name = address.split("[")[0].split(".")
        return (self.blocks["resource"][(kind, name)].get("lifecycle") or [{}])[0]

    def types(self):
        return sorted({kind for kind, _ in self.blocks["resource"]})


def settings_of(body):
    return {k: v for k, v in body.items() if k not in ("for_each", "count", "lifecycle", "depends_on")}


def unquoted_key(key, scope):
    key = unquoted(key)
    return template(key, scope) if "${" in key else key
