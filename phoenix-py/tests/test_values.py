"""What all value classes have: they are frozen, compared, hashed, printed, plain data both ways, pickled."""

import copy
import inspect
import pickle
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import phoenix_py
from phoenix_py import _phoenix

RECORDS = [cls for cls in vars(_phoenix).values() if inspect.isclass(cls) and hasattr(cls, "from_dict")]
SECRET = {"PrivateKey", "StepCa", "EmbeddedCa", "Ca", "Site", "Request"}


def fields(cls):
    return [name for name, value in vars(cls).items() if inspect.isgetsetdescriptor(value)]


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_a_value_is_plain_data_both_ways(cls):
    with pytest.raises(phoenix_py.ArgumentError, match="found the field `colour`"):
        cls.from_dict({"colour": "red"})
    for wrong in (3, None, "text", []):
        with pytest.raises(TypeError, match="argument 'data'"):
            cls.from_dict(wrong)


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_what_is_missing_or_of_another_type_is_named(cls):
    """Whatever a class asks for, it names the field that is wrong."""
    try:
        made = cls.from_dict({})
    except phoenix_py.ArgumentError as error:
        assert error.parameter.startswith(f"{cls.__name__}.")
        field = error.parameter.split(".")[1].rstrip("_")
        with pytest.raises((TypeError, phoenix_py.ArgumentError), match=rf"{cls.__name__}\.{field}"):
            cls.from_dict({field: 3.5})
    else:
        check(made)


def check(value):
    cls = type(value)
    assert cls.from_dict(value.to_dict()) == value == pickle.loads(pickle.dumps(value)) == copy.deepcopy(value)
    assert hash(value) == hash(cls.from_dict(value.to_dict()))
    assert value != "text" and not value == 3
    for field in fields(cls):
        getattr(value, field)
        with pytest.raises(AttributeError):
            setattr(value, field, None)
    with pytest.raises(AttributeError):
        value.colour = "red"
    assert repr(value).startswith(f"{cls.__name__}(")


def walk(value, seen):
    """A value and all those that it holds."""
    if type(value) in RECORDS:
        seen.append(value)
        for field in fields(type(value)):
            walk(getattr(value, field), seen)
    elif isinstance(value, (tuple, list)):
        for item in value:
            walk(item, seen)


def test_values_of_a_site_keep_to_it(host, sample):
    seen = []
    site = host.site()
    report = site.sync()
    for value in (
        report,
        site.status(),
        site.manifest(),
        site.plan().kept,
        site.plan(force=True).steps,
        site.certs(),
        site.ca_view(online=True),
        site.ca_crl(),
        site.recover(),
        sample.site().check(),
        sample.site().firewall_rules(),
        sample.site().firewall_matrix(),
        sample.site().firewall_test("outside", "vm:1001", port=22),
        sample.site().manifest(),
        sample.site().inventory().guests,
        sample.site().inventory().pairs,
        sample.site().migrate_docker_tls(dry_run=True),
        site.template_names(),
        phoenix_py.check_rules(),
    ):
        walk(value, seen)
    assert len({type(value) for value in seen}) > 30
    for value in seen[:600]:
        check(value)


def test_collections_behave_as_pythons(sample):
    site = sample.site()
    for collection in (site.check(), site.firewall_rules()[0], site.manifest(), site.status(), site.sync(dry_run=True, force=True), site.firewall_matrix(), site.migrate_docker_tls(dry_run=True).files):
        assert isinstance(collection, (Sequence, tuple))
        items = list(collection)
        assert len(collection) == len(items) > 0 and collection[0] == items[0] and collection[-1] == items[-1]
        assert tuple(collection[::2]) == tuple(items[::2]) and list(reversed(collection)) == items[::-1]
        assert items[0] in collection and "text" not in collection
        assert collection.index(items[0]) == 0 and collection.count(items[0]) >= 1
        with pytest.raises(IndexError):
            collection[len(items)]
        with pytest.raises(TypeError):
            collection["text"]


def test_places_and_faults_print_as_editors_take_them():
    place = phoenix_py.Place.from_dict({"file": "/a/b.json", "line": 3, "column": 7, "span": {"start": 10, "end": 12}})
    assert str(place) == "/a/b.json:3:7" and place.file == Path("/a/b.json")
    assert isinstance(place.span, phoenix_py.ByteRange) and (place.span.start, place.span.end) == (10, 12)
    assert place.pointer is None and place.label is None
    fault = phoenix_py.Fault.from_dict({"code": "x", "severity": "error", "message": "words", "places": [place.to_dict()], "notes": []})
    assert str(fault) == "/a/b.json:3:7: error: words" and fault.place == place and fault.help is None
    bare = phoenix_py.Fault.from_dict({"code": "x", "severity": "note", "message": "words", "places": [], "notes": []})
    assert str(bare) == "note: words" and bare.place is None and bare.notes == () and bare.code == "x"


def test_times_and_spans_are_pythons():
    kept = phoenix_py.Kept.from_dict({"certificate": "x", "due": "2026-01-02T03:04:05Z", "held": False, "not_after": "1969-12-31T23:59:59Z"})
    assert kept.due == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert kept.not_after == datetime(1969, 12, 31, 23, 59, 59, tzinfo=timezone.utc), "before the epoch, too"
    with pytest.raises(phoenix_py.ArgumentError, match=r"Kept\.due"):
        phoenix_py.Kept.from_dict({"certificate": "x", "due": "yesterday", "held": False, "not_after": "1969-12-31T23:59:59Z"})
    with pytest.raises(TypeError, match=r"Kept\.held"):
        phoenix_py.Kept.from_dict({"certificate": "x", "due": "2026-01-02T03:04:05Z", "held": "no", "not_after": "1969-12-31T23:59:59Z"})
    hook = phoenix_py.Hook.from_dict({"command": "x", "argv": ["x"], "timeout": 90, "only_if_running": False})
    assert hook.timeout == timedelta(seconds=90)


def test_what_holds_a_secret_cannot_be_pickled(host, ca):
    for value in (phoenix_py.PrivateKey.generate(), host.site(), ca, phoenix_py.Ca(["https://ca.example.org"], password=b"hidden")):
        assert type(value).__name__ in SECRET and b"hidden" not in repr(value).encode()
        with pytest.raises(TypeError):
            pickle.dumps(value)


def test_every_public_name_and_method_is_used_by_these_tests():
    """A method that no test names is a method that nobody has seen work."""
    here = Path(__file__).parent
    text = "".join(path.read_text() for path in here.glob("test_*.py")) + (here / "conftest.py").read_text()
    unused = []
    for name in phoenix_py.__all__:
        value = getattr(phoenix_py, name)
        if not re.search(rf"\b{name}\b", text):
            unused.append(name)
        if inspect.isclass(value) and value.__module__ == "phoenix_py":
            for member, what in vars(value).items():
                if not member.startswith("_") and not re.search(rf"[.\"'(]{member}\b", text):
                    unused.append(f"{name}.{member} ({type(what).__name__})")
    assert unused == [], unused
