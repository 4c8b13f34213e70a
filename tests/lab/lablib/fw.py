"""Proxmox's firewall files (`.fw`), read and turned into nftables statements.

Written from Proxmox's documentation, for the lab alone, so that packets can judge what Phoenix says of rules. IPv4 only;
whatever it does not know stops the command.
"""

import ipaddress
import re
from dataclasses import dataclass, field

from .base import LabError

VERDICTS = {
    "ACCEPT": "accept",
    "DROP": "drop",
    # Proxmox resets TCP; this way a tester can tell it from a port where nobody listens.
    "REJECT": "reject with icmp type admin-prohibited",
}
MACROS = {
    "DNS": [("udp", "53"), ("tcp", "53")],
    "HTTP": [("tcp", "80")],
    "HTTPS": [("tcp", "443")],
    "Ping": [("icmp", "echo-request")],
    "SSH": [("tcp", "22")],
    "Web": [("tcp", "80"), ("tcp", "443")],
}
OPTIONS = {
    "-i": "iface",
    "-iface": "iface",
    "-source": "source",
    "-dest": "dest",
    "-p": "proto",
    "-proto": "proto",
    "-dport": "dport",
    "-sport": "sport",
    "-log": "log",
    "-icmp-type": "icmp",
}


@dataclass
class Rule:
    direction: str  # in, out, group
    action: str  # a verdict, a macro as `SSH(ACCEPT)`, or a group's name
    fields: dict


@dataclass
class File:
    options: dict = field(default_factory=dict)
    aliases: dict = field(default_factory=dict)
    sets: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)
    rules: list = field(default_factory=list)


def read(path):
    """A file's content; one that is not there says nothing."""
    found = File()
    section, name = None, None
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        where = f"{path.name}:{number}"
        if header := re.fullmatch(r"\[(\w+)(?:\s+([\w-]+))?\]", line):
            section, name = header[1].upper(), (header[2] or "").lower()
            if section == "IPSET":
                found.sets.setdefault(name, [])
            elif section == "GROUP":
                found.groups.setdefault(name, [])
        elif section == "OPTIONS":
            key, value = line.split(":", 1)
            found.options[key.strip()] = value.strip()
        elif section == "ALIASES":
            alias, address = line.split()
            found.aliases[alias.lower()] = address
        elif section == "IPSET":
            found.sets[name].append(line)
        elif section in ("RULES", "GROUP"):
            if not line.startswith("|"):
                rules = found.rules if section == "RULES" else found.groups[name]
                rules.append(_rule(line, where))
        else:
            raise LabError(f"{where}: {line!r} stands in no known section")
    return found


def _rule(line, where):
    words = line.split()
    direction = words[0].lower()
    if direction not in ("in", "out", "group") or len(words) < 2 or len(words) % 2:
        raise LabError(f"{where}: {line!r} is no rule")
    fields = {}
    for key, value in zip(words[2::2], words[3::2], strict=True):
        if key not in OPTIONS:
            raise LabError(f"{where}: unknown option {key}")
        fields[OPTIONS[key]] = value
    return Rule(direction, words[1], fields)


@dataclass
class Names:
    """Where names in rules are looked up: the guest's own first, the cluster's then."""

    own: File
    cluster: File

    def addresses(self, text):
        """nftables matches for one list of addresses: (positive, negative) items."""
        yes, no = [], []
        for item in text.split(","):
            if item.startswith("+"):
                file, entries = self._entries(item[1:])
                # Aliases in a set are those of the set's own file.
                names = Names(file, self.cluster)
                for entry in entries:
                    (no if entry.startswith("!") else yes).append(names._one(entry.lstrip("! ")))
            else:
                yes.append(self._one(item))
        return yes, no

    def _entries(self, name):
        for file, bare in self._places(name):
            if bare in file.sets:
                return file, file.sets[bare]
        raise LabError(f"no IP set {name!r}")

    def _one(self, item):
        if re.fullmatch(r"[\d./]+", item):
            return str(ipaddress.ip_network(item)) if "/" in item else item
        if re.fullmatch(r"[\d.]+-[\d.]+", item):
            return item
        for file, bare in self._places(item):
            if bare in file.aliases:
                return file.aliases[bare]
        raise LabError(f"no alias {item!r}")

    def _places(self, name):
        scope, _, bare = name.lower().rpartition("/")
        files = {"dc": [self.cluster], "guest": [self.own], "": [self.own, self.cluster]}[scope]
        return [(file, bare) for file in files]


def statements(rules, direction, names, interface):
    """The rules of one direction in order, groups in their place. `interface(word)` is an nftables match, or None."""
    lines = []
    for rule in rules:
        match = []
        if iface := rule.fields.get("iface"):
            match = interface(iface)
            if match is None:
                continue
        if rule.direction == "group":
            inner = names.cluster.groups.get(rule.action.lower())
            if inner is None:
                raise LabError(f"no group {rule.action!r}")
            # A group is the cluster's: so are the names in it.
            inside = statements(inner, direction, Names(names.cluster, names.cluster), interface)
            lines += [" ".join([*match, line]) for line in inside]
        elif rule.direction == direction:
            lines += [" ".join([*match, line]) for line in _lines(rule, names)]
    return lines


def _lines(rule, names):
    match = []
    for key, word in (("source", "saddr"), ("dest", "daddr")):
        if text := rule.fields.get(key):
            yes, no = names.addresses(text)
            match.append(f"ip {word} {{ {', '.join(yes)} }}" if yes else "ip saddr 255.255.255.255")
            if no:
                match.append(f"ip {word} != {{ {', '.join(no)} }}")
    macro = re.fullmatch(r"(\w+)\((\w+)\)", rule.action)
    if macro:
        kinds, verdict = MACROS[macro[1]], macro[2]
    else:
        port = rule.fields.get("dport") or rule.fields.get("icmp")
        kinds, verdict = [(rule.fields.get("proto"), port)], rule.action
    for proto, port in kinds:
        line = list(match)
        if proto == "icmp":
            line.append(f"icmp type {port}" if port else "meta l4proto icmp")
        elif proto in ("tcp", "udp"):
            if port:
                line.append(f"{proto} dport {_ports(port)}")
            if sport := rule.fields.get("sport"):
                line.append(f"{proto} sport {_ports(sport)}")
            if not port and not sport:
                line.append(f"meta l4proto {proto}")
        elif proto or port:
            raise LabError(f"rule with proto {proto!r} and port {port!r}")
        yield " ".join([*line, VERDICTS[verdict]])


def _ports(text):
    return "{ " + ", ".join(p.replace(":", "-") for p in text.split(",")) + " }"
