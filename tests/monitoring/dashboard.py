#!/usr/bin/env python3
"""packaging/grafana/haagent.json as Grafana 11 and 12 provision it, held by hand: Grafana itself is not asked.

dashboard.py FILE        what is wrong, a line each, and exit code 1
dashboard.py --rules FILE  every expression as a recording rule, for `promtool check rules`
"""
import json
import re
import sys

TOP = ("title", "description", "uid", "schemaVersion", "panels", "templating", "time", "refresh", "tags", "timezone",
       "editable", "version", "annotations", "links", "graphTooltip")
KINDS = {"row", "stat", "timeseries", "table", "bargauge", "state-timeline"}
# Of Grafana's own formats (packages/grafana-data/src/valueFormats), those in use.
UNITS = {"short", "s", "bytes", "percentunit", "reqps", "cps", "dateTimeAsIso"}


def panel_problems(panel, variables):
    title = panel.get("title") or f"panel {panel.get('id')}"
    for key in ("id", "type", "title", "gridPos"):
        if key not in panel:
            yield f"{title}: no {key}"
    if panel["type"] not in KINDS:
        yield f"{title}: the kind {panel['type']} is not one that is known here"
    if panel["type"] == "row":
        return
    if not panel.get("description", "").endswith("."):
        yield f"{title}: no description"
    if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
        yield f"{title}: not the data source of the variable"
    if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
        yield f"{title}: no unit that is known here"
    if not panel["targets"]:
        yield f"{title}: no target"
    refs = [target["refId"] for target in panel["targets"]]
    if len(set(refs)) != len(refs):
        yield f"{title}: two targets of one refId"
    for target in panel["targets"]:
        if target["datasource"] != panel["datasource"]:
            yield f"{title}: a target with a data source of its own"
        for name in re.findall(r"\$\{?(\w+)", target["expr"]):
            if name not in variables and not name.startswith("__"):
                yield f"{title}: ${name} is no variable"


def overlaps(panels):
    taken = {}
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] < 0 or place["w"] < 1 or place["h"] < 1 or place["x"] + place["w"] > 24:
            yield f"{panel['title']}: not within 24 columns"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']} lies over {other}"
                    return


def problems(board):
    for key in TOP:
        if key not in board:
            yield f"no {key}"
    if board.get("id") is not None:
        yield "it has the id of an instance"
    if not 36 <= board["schemaVersion"] <= 41:
        yield "schemaVersion is not one that Grafana 11 and 12 migrate from"
    variables = {each["name"]: each for each in board["templating"]["list"]}
    if variables.get("datasource", {}).get("type") != "datasource":
        yield "no variable for the data source"
    if "__inputs" in board:
        yield "__inputs are for imports by hand; provisioning leaves them unset"
    panels = board["panels"]
    for key in ("id", "title"):
        values = [panel[key] for panel in panels]
        for value in {value for value in values if values.count(value) > 1}:
            yield f"two panels of the {key} {value}"
    for panel in panels:
        yield from panel_problems(panel, variables)
    yield from overlaps(panels)
    for text in re.findall(r'"uid": "([^"]*)"', json.dumps(board)):
        if text not in ("haagent", "${datasource}"):
            yield f"the uid {text} is one instance's"


def rules(board):
    rows = []
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            expr = re.sub(r"\$\{?__(rate_interval|range)\}?", "5m", target["expr"])
            expr = re.sub(r"\$\{?\w+\}?", ".*", expr)
            rows.append({"record": f"panel_{panel['id']}_{target['refId']}", "expr": expr})
    return {"groups": [{"name": "panels", "rules": rows}]}


def main():
    wants_rules = sys.argv[1] == "--rules"
    with open(sys.argv[-1], encoding="utf-8") as file:
        board = json.load(file)
    if wants_rules:
        json.dump(rules(board), sys.stdout)
        return 0
    found = list(problems(board))
    for each in found:
        print(f"{sys.argv[-1]}: {each}")
    return 1 if found else 0


sys.exit(main())
