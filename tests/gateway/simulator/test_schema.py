"""The smallest instance of a schema."""

import pytest

from gateway.simulator.schema import smallest_instance


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"type": "string"}, "simulated"),
        ({"type": "string", "minLength": 12}, "simulated..."),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": ["null", "boolean"]}, False),
        ({"type": "null"}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 7}, 7),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "minimum": 3, "multipleOf": 5}, 5),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "number", "exclusiveMinimum": 0}, 1),
        ({"type": "integer", "exclusiveMinimum": 1e300, "multipleOf": 1e-320}, 0),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "object", "properties": {"a": {"type": "null"}, "b": {}}, "required": ["a"]}, {"a": None}),
        ({"properties": {"a": {"type": "boolean"}}, "required": ["a"]}, {"a": False}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 0),
        ({"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"type": "object"}]}, {"a": 1}),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 2}}}, 2),
        ({"$ref": "#/nowhere"}, None),
        (True, None),
    ],
)
def test_the_smallest_instance(schema, instance):
    assert smallest_instance(schema) == instance


def test_a_schema_inside_itself_ends_where_it_may():
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        "required": ["next"],
    }
    assert smallest_instance({"$ref": "#/$defs/node", "$defs": {"node": node}}) == {"next": None}


def test_a_schema_that_never_ends_ends_nevertheless():
    endless = {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}, "required": ["next"]}
    assert smallest_instance({"$ref": "#/$defs/n", "$defs": {"n": endless}}) == {"next": None}
